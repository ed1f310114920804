# SPDX-License-Identifier: MIT
# build.mk - one answer from every code and device; without devices as a static program.
#
# Rows of kernels are those of selftests/cuda, whose build.mk names what they need (ROWS).

SELFTEST_BIN += $(B)/selftests/parity
ifneq ($(SAN),1)
SELFTEST_BIN += $(B)/selftests/parity_static
endif

PARITY_ROWS_SRC := selftests/cuda/gpu_rows.cc $(ROWS:%=selftests/cuda/rows_%.cc)
parity_objects = $(patsubst %.cc,$(B)/obj/%.o,$(1))

$(B)/selftests/parity: $(call parity_objects,$(addprefix selftests/parity/,main.cc sample.cc codes.cc devices.cc pipelines.cc full.cc) $(PARITY_ROWS_SRC)) \
    $(PLUGIN_OBJ) $(B)/libfulcrum.a
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -rdynamic -o $@ $^ $(LDLIBS) $(foreach p,$(PLUGINS),$(PLUGIN_LIBS_$(p)))

# Small: no back ends, no text for them, and not with sanitizers, which cannot be linked statically.
PARITY_STATIC_OBJ := $(patsubst %.cc,$(B)/obj/static/%.o,$(addprefix selftests/parity/,main.cc sample.cc codes.cc small.cc) \
  $(PARITY_ROWS_SRC) $(addprefix helper/device/,lane.cc shadow.cc task_image.cc) $(filter %.cc,$(foreach r,$(ROWS),$(ROWS_$(r)))))
PARITY_KERNEL_OBJ := $(foreach k,$(KERNELS),$(foreach i,$(KERNEL_ISAS),$(KOBJ)/$(k).$(i).o))

$(B)/obj/static/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c $< -o $@

# KernelDecls name the other processors' code: there is none.
$(B)/gen/parity_none.S: selftests/parity/build.mk
	@mkdir -p $(@D)
	@{ echo '.section .rodata'; for k in $(KERNELS); do n=$${k#*/}; p=$${k%/*}; t=_ZN7fulcrum$${#p}$${p}$$((7+$${#n}))$${n}_openclE; \
	  printf '.globl %s_cuda_begin, %s_cuda_end, %s\n%s_cuda_begin: %s_cuda_end: %s: .byte 0\n' $$n $$n $$t $$n $$n $$t; done; \
	  echo '.section .note.GNU-stack,"",@progbits'; } >$@

$(B)/selftests/parity_static: $(PARITY_STATIC_OBJ) $(PARITY_KERNEL_OBJ) $(B)/gen/parity_none.S
	@mkdir -p $(@D)
	$(CXX) -static -s -o $@ $^
