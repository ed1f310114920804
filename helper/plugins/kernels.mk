# SPDX-License-Identifier: MIT
# kernels.mk - NAME.core.h of a plugin -> objects for each processor.
#
# The only source of a kernel is PLUGIN/NAME.core.h (pieces that several kernels
# share are *.part.h). From it come, in build/gen/plugins/PLUGIN:
#   NAME.v2.cc v3 v4 knl   C++ launchers, one an instruction set
#   NAME.opencl.cc         the flattened source as text
#   NAME.cuda.S            the fat binary, where nvcc is; else an empty one
# include/fulcrum/kernel.h: FU_DECLARE_KERNEL(PLUGIN, NAME) declares them.
#
# Used by the Makefile and, installed beside it, by plugin.mk. They set:
#   KERNEL_SRC        folder that has PLUGIN/NAME.core.h
#   plugin_inc        function: PLUGIN -> the -I options of its sources, which see
#                     the public headers and, as "plugins/PLUGIN/X", its own
#   PLUGIN_CXXFLAGS   of its objects
KERNELS_MK := $(lastword $(MAKEFILE_LIST))

NVCC ?= $(firstword $(wildcard /usr/local/cuda/bin/nvcc) $(shell command -v nvcc 2>/dev/null))
# Turing to Blackwell; PTX of the oldest and of the newest, for what comes later.
# What this nvcc does not know is left out.
CUDA_ARCHS ?= 75 80 86 89 90 100 120
CUDA_PTX   ?= 75 120
comma := ,
NVCC_KNOWS = $(shell $(NVCC) --list-gpu-code)
NVCCFLAGS  += -std=c++17 -O3 -Xptxas -v --threads 2 \
              $(foreach a,$(CUDA_ARCHS),$(if $(filter sm_$(a),$(NVCC_KNOWS)),-gencode arch=compute_$(a)$(comma)code=sm_$(a))) \
              $(foreach a,$(CUDA_PTX),$(if $(filter sm_$(a),$(NVCC_KNOWS)),-gencode arch=compute_$(a)$(comma)code=compute_$(a)))

KERNEL_CORES := $(wildcard $(KERNEL_SRC)/*/*.core.h)
# plugin/name of each
KERNELS := $(patsubst $(KERNEL_SRC)/%.core.h,%,$(KERNEL_CORES))
KGEN    := $(B)/gen/plugins
KOBJ    := $(B)/obj/gen/plugins

# Instruction sets. Every CPU with AVX2 has AES and carry-less multiply, and
# isa_supported() asks for them. Kernels use neither ER nor PF of Xeon Phi.
KERNEL_OPT      := -O3
KERNEL_FLAGS_v2  := -march=x86-64-v2
KERNEL_FLAGS_v3  := -march=x86-64-v3 -maes -mpclmul
KERNEL_FLAGS_v4  := -march=x86-64-v4 -maes -mpclmul -mprefer-vector-width=512
KERNEL_FLAGS_knl := -march=knl -maes -mpclmul -mno-avx512er -mno-avx512pf -mno-prefetchwt1
KERNEL_ISAS := v2 v3 v4 knl

# Flattens $< to the C++ source $@ of a text NAME_opencl in namespace fulcrum::$(1); $(2): -I options.
define opencl_text
	@mkdir -p $(@D)
	$(CXX) -E -P -x c -DFU_LANG_OPENCL $(2) -MMD -MP -MF $(@:.cc=.d) -MT $@ $< -o $@.i
	@{ echo '// Generated from $<.'; echo 'namespace fulcrum::$(1) {'; echo 'extern const char $(*F)_opencl[];'; \
	   echo 'const char $(*F)_opencl[] = R"OPENCL('; cat $@.i; echo ')OPENCL";'; echo '}'; } >$@.tmp
	@rm -f $@.i && mv $@.tmp $@
endef

$(KGEN)/%.opencl.cc: $(KERNEL_SRC)/%.core.h $(KERNELS_MK)
	$(call opencl_text,$(*D),$(call plugin_inc,$(*D)))

$(KGEN)/%.cu: $(KERNEL_SRC)/%.core.h $(KERNELS_MK)
	@mkdir -p $(@D)
	@echo '#include "plugins/$*.core.h"' >$@

# Made anew when nvcc comes, goes or is told something else.
$(KGEN)/nvcc.stamp: FORCE
	@mkdir -p $(@D)
	@echo '$(NVCC) $(CUDA_ARCHS) $(CUDA_PTX)' | cmp -s - $@ || echo '$(NVCC) $(CUDA_ARCHS) $(CUDA_PTX)' >$@
FORCE:
.PHONY: FORCE

# NAME.fatbin.log keeps what ptxas says of registers and spills, and the time taken.
ifneq ($(NVCC),)
$(KGEN)/%.fatbin: $(KGEN)/%.cu $(KGEN)/nvcc.stamp
	@echo 'nvcc $< -> $@'
	@start=$$(date +%s%N); if $(NVCC) $(NVCCFLAGS) $(call plugin_inc,$(*D)) -MMD -MP -MF $(KGEN)/$*.fatbin.d -MT $@ -fatbin $< -o $@ >$@.log 2>&1; \
	then echo "compile_ms $$((($$(date +%s%N) - start) / 1000000))" >>$@.log; else cat $@.log >&2; exit 1; fi
else
$(KGEN)/%.fatbin: $(KERNEL_SRC)/%.core.h $(KGEN)/nvcc.stamp
	@mkdir -p $(@D)
	@: >$@
endif

# name_cuda_begin .. name_cuda_end in read-only data
$(KGEN)/%.cuda.S: $(KGEN)/%.fatbin $(KERNELS_MK)
	@printf '.section .rodata\n.balign 64\n.globl %s_cuda_begin\n.hidden %s_cuda_begin\n%s_cuda_begin: .incbin "%s"\n.globl %s_cuda_end\n.hidden %s_cuda_end\n%s_cuda_end: .byte 0\n.section .note.GNU-stack,"",@progbits\n' \
	  $(*F) $(*F) $(*F) $< $(*F) $(*F) $(*F) >$@
$(KOBJ)/%.cuda.o: $(KGEN)/%.cuda.S
	@mkdir -p $(@D)
	$(CXX) -c $< -o $@

define kernel_isa_rule
$(KGEN)/%.$(1).cc: $(KERNEL_SRC)/%.core.h $(KERNELS_MK)
	@mkdir -p $$(@D)
	@printf '// Generated from $$<.\n#include "plugins/$$*.core.h"\n#include "fulcrum/kernel.h"\nFU_DECLARE_KERNEL($$(*D), $$(*F))\nFU_CPU_KERNEL($$(*D), $$(*F), $$(*F)_$(1))\n' >$$@
$(KOBJ)/%.$(1).o: $(KGEN)/%.$(1).cc
	@mkdir -p $$(@D)
	$(CXX) $$(call plugin_inc,$$(*D)) $(PLUGIN_CXXFLAGS) $(KERNEL_OPT) $(KERNEL_FLAGS_$(1)) -MMD -MP -c $$< -o $$@
endef
$(foreach i,$(KERNEL_ISAS),$(eval $(call kernel_isa_rule,$(i))))

$(B)/obj/gen/%.opencl.o: $(B)/gen/%.opencl.cc
	@mkdir -p $(@D)
	$(CXX) -std=c++20 -fPIC -c $< -o $@

# Objects of plugin $(1)'s kernels.
kernel_objects = $(foreach k,$(filter $(1)/%,$(KERNELS)),$(foreach i,$(KERNEL_ISAS) opencl cuda,$(KOBJ)/$(k).$(i).o))

-include $(wildcard $(KGEN)/*/*.d)
