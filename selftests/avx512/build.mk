# SPDX-License-Identifier: MIT
# build.mk - the guest's first process, the AVX-512 probe, the guest's kernel.

SELFTEST_BIN += $(B)/selftests/guest_init $(B)/selftests/avx512_probe $(B)/guest/vmlinuz

# No sanitizers: they cannot be linked statically, and in the guest there is nothing else.
GUEST_FLAGS := -std=c++20 -O2 -static -march=x86-64-v2 -Wall -Wextra

$(B)/selftests/guest_init: selftests/avx512/init.cc
	@mkdir -p $(@D)
	$(CXX) $(GUEST_FLAGS) -o $@ $<

$(B)/selftests/avx512_probe: selftests/avx512/probe.cc
	@mkdir -p $(@D)
	$(CXX) $(GUEST_FLAGS) -o $@ $<

# Fetched here because tests have no network. Without it the test skips, so the build goes on.
$(B)/guest/vmlinuz: | selftests/avx512/kernel.sh
	@selftests/avx512/kernel.sh $@ || true
