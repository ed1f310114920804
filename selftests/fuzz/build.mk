# SPDX-License-Identifier: MIT
# build.mk - libFuzzer targets. Without clang++ and its libFuzzer they are not built, and the test skips.
#
# What is fuzzed is built for it; the rest comes from the library as it is.

FUZZ_CXX ?= clang++
FUZZ_RUNTIME := $(shell r=$$($(FUZZ_CXX) -print-file-name=libclang_rt.fuzzer-x86_64.a 2>/dev/null); \
  [ -e "$$r" ] || r=$$($(FUZZ_CXX) -print-resource-dir 2>/dev/null)/lib/linux/libclang_rt.fuzzer-x86_64.a; [ -e "$$r" ] && echo yes)
FUZZ_FLAGS := -std=c++20 -O1 -g -march=x86-64-v2 -pthread -Wall -Wextra -Wno-missing-field-initializers \
  -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined -DFULCRUM_CHECK

# The sanitizers of two compilers do not go into one program.
ifneq ($(SAN),1)
ifeq ($(FUZZ_RUNTIME),yes)
SELFTEST_BIN += $(B)/fuzz/bin/pipeline_fuzzer $(B)/fuzz/bin/control_fuzzer
endif
endif

FUZZ_PIPELINE_OBJ := $(patsubst %.cc,$(B)/fuzz/obj/%.o,$(filter-out %_test.cc,$(wildcard helper/pipeline/*.cc)))
FUZZ_CONTROL_OBJ  := $(B)/fuzz/obj/helper/control/dispatch.o

$(B)/fuzz/obj/%.o: %.cc
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(B)/fuzz/bin/pipeline_fuzzer: $(B)/fuzz/obj/selftests/fuzz/pipeline_fuzzer.o $(FUZZ_PIPELINE_OBJ) $(B)/libfulcrum.a
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(FUZZ_FLAGS) -fsanitize=fuzzer -rdynamic -o $@ $^ $(LDLIBS)

$(B)/fuzz/bin/control_fuzzer: $(B)/fuzz/obj/selftests/fuzz/control_fuzzer.o $(FUZZ_CONTROL_OBJ)
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ -lboost_json

-include $(shell find $(B)/fuzz/obj -name '*.d' 2>/dev/null)
