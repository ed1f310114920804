# SPDX-License-Identifier: MIT
# build.mk - the front-end's test program.

SELFTEST_BIN += $(B)/selftests/steer_test
STEER_TEST_OBJ := $(patsubst %.cc,$(B)/obj/%.o,$(wildcard selftests/bpf/*.cc))

$(B)/selftests/steer_test: $(STEER_TEST_OBJ) | $(B)/bpf/steer.bpf.o $(B)/bpf/inline_route.bpf.o
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^ -lbpf -lelf -lz -lpcap
