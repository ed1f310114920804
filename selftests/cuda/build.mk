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
GPU_CHECK_OBJ := $(patsubst helper/%.cc,$(B)/obj/helper/%.o,$(filter-out %_test.cc,$(wildcard helper/device/cuda*.cc)) \
  helper/device/table_delta.cc helper/device/task_image.cc helper/plugins/route/lpm_build.cc helper/plugins/ids/match_build.cc) \
  $(foreach p,$(PLUGINS),$(call kernel_objects,$(p)))
$(B)/obj/selftests/cuda/gpu_check.o: CPPFLAGS += -DGPU_CHECK_KERNELS='"$(notdir $(KERNELS))"'

$(GPU_CHECK): $(B)/obj/selftests/cuda/gpu_check.o $(B)/obj/selftests/cuda/gpu_rows.o $(GPU_CHECK_OBJ)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -rdynamic -o $@ $^ -ldl

# On a machine with a device: `make check-gpu` and nothing else. Skips where there is none.
check-gpu: $(GPU_CHECK)
	@tools/cuda/check_gpu.sh
.PHONY: check-gpu
