# SPDX-License-Identifier: MIT
# build.mk - the stand-in CUDA driver; every kernel on a device against the CPU.

STANDIN_OBJ := $(patsubst %,$(B)/obj/selftests/cuda/%.o,fake_cuda fake_cuda_memory standin_state)
STANDIN     := $(B)/selftests/libcuda-standin.so
GPU_CHECK   := $(B)/selftests/gpu_check
SELFTEST_BIN += $(STANDIN) $(GPU_CHECK)

$(STANDIN): $(STANDIN_OBJ)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -shared -o $@ $^ -ldl

# cuda_test.cc opens it at run time.
$(B)/bin/unit_tests: | $(STANDIN)

# Made of what needs no library, so that it can be built and run on any machine with a device.
# rows_NAME.cc, where its plugin's part is, and what makes its tables.
ROWS_route := $(wildcard helper/plugins/route/lpm_build.cc)
ROWS_ids   := $(wildcard helper/plugins/ids/match_build.cc)
ROWS_ids_all := $(wildcard helper/plugins/ids/payload_match_all.core.h)
ROWS_regex := $(filter-out %regex_match.cc %_test.cc,$(wildcard helper/plugins/ids/regex_*.cc))
ROWS_esp   := $(wildcard $(addprefix helper/plugins/esp/,kernel.cc sa.cc sa_flat.cc))
ROWS       := $(foreach r,route ids ids_all regex esp,$(if $(ROWS_$(r)),$(r)))
GPU_CHECK_SRC := selftests/cuda/gpu_check.cc selftests/cuda/gpu_rows.cc $(ROWS:%=selftests/cuda/rows_%.cc) \
  $(filter-out %_test.cc,$(wildcard helper/device/cuda*.cc)) helper/device/table_delta.cc helper/device/task_image.cc \
  $(filter %.cc,$(foreach r,$(ROWS),$(ROWS_$(r))))
GPU_CHECK_OBJ := $(patsubst %.cc,$(B)/obj/%.o,$(GPU_CHECK_SRC)) $(foreach p,$(PLUGINS),$(call kernel_objects,$(p)))
$(B)/obj/selftests/cuda/gpu_check.o: $(KERNEL_CORES)
$(B)/obj/selftests/cuda/gpu_check.o: CPPFLAGS += -DGPU_CHECK_KERNELS='"$(notdir $(KERNELS))"'

$(GPU_CHECK): $(GPU_CHECK_OBJ)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -rdynamic -o $@ $^ -ldl

# On a machine with a device: `make check-gpu` and nothing else. Skips where there is none.
check-gpu: $(GPU_CHECK)
	@tools/cuda/check_gpu.sh
.PHONY: check-gpu
