# SPDX-License-Identifier: MIT
# bench.mk - the bench's own programs: meter, bare forwarder, DPDK router.
# Included by the top Makefile; nothing here is part of `all`, and DPDK is looked
# for only when its program is built.

BENCH_DIR    := tools/bench
BENCH_CFLAGS := -std=gnu11 -O3 -g -march=native -Wall -Wextra -Wno-unused-parameter -pthread
BENCH_DPDK   ?= $(shell pkg-config --exists libdpdk 2>/dev/null && echo yes)

bench-tools: $(B)/bench/meter $(B)/bench/bare $(if $(BENCH_DPDK),$(B)/bench/l3dpdk,bench-no-dpdk)

bench-no-dpdk:
	@echo 'bench-tools: libdpdk not found: l3dpdk is left out (install libdpdk-dev)' >&2

$(B)/bench/%.bpf.o: $(BENCH_DIR)/%.bpf.c $(BENCH_DIR)/common.h $(BENCH_DIR)/bare.h
	@mkdir -p $(@D)
	$(CLANG) -O2 -g -mcpu=v3 -target bpf -Wall -I/usr/include/$(MULTIARCH) -c $< -o $@

$(B)/bench/%.skel.h: $(B)/bench/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp && mv $@.tmp $@

$(B)/bench/meter: $(addprefix $(BENCH_DIR)/,meter.c drive.c sample.c meter.h common.h) $(B)/bench/bench.skel.h
	$(CC) $(BENCH_CFLAGS) -I$(B)/bench $(filter %.c,$^) -o $@ -lbpf -lelf -lz

$(B)/bench/bare: $(BENCH_DIR)/bare.c $(BENCH_DIR)/bare.h $(B)/bench/bare.skel.h
	$(CC) $(BENCH_CFLAGS) -I$(B)/bench $< -o $@ -lxdp -lbpf -lelf -lz

$(B)/bench/l3dpdk: $(BENCH_DIR)/l3dpdk.c
	@mkdir -p $(@D)
	$(CC) $(shell pkg-config --cflags libdpdk) $(BENCH_CFLAGS) $< -o $@ $(shell pkg-config --libs libdpdk)

.PHONY: bench-tools bench-no-dpdk
