# SPDX-License-Identifier: MIT
# build.mk - each kernel on small tasks, for oclgrind.

SELFTEST_BIN += $(B)/selftests/opencl_kernels

$(B)/selftests/opencl_kernels: $(B)/obj/selftests/opencl/opencl_kernels.o $(TEST_KERNEL_OBJ) $(PLUGIN_OBJ) $(B)/libfulcrum.a
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -rdynamic -o $@ $^ $(LDLIBS) $(PLUGIN_LIBS) -lgtest -lgtest_main
