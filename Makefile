# SPDX-License-Identifier: MIT
# Makefile - fetch what is missing, build, demonstrate, test, measure, install.

B       ?= build
CXX     ?= g++
CLANG   ?= clang
BPFTOOL ?= bpftool
PREFIX  ?= /usr/local
DESTDIR ?=
JOBS    ?= $(shell nproc)
MULTIARCH := $(shell $(CXX) -print-multiarch 2>/dev/null)

# JOBS at a time unless -j was given: GNU make 4.3 hides a -j from MAKEFLAGS while
# it reads this. What a make runs below itself gets its -j from above.
ifeq ($(MAKELEVEL)$(shell tr '\0' '\n' </proc/$$PPID/cmdline | grep -e '^-[a-zA-Z]*j' -e '^--jobs'),0)
MAKEFLAGS += -j$(JOBS)
endif

# SAN=1 builds with AddressSanitizer and UBSan into build-san/.
ifeq ($(SAN),1)
B := build-san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -DFULCRUM_CHECK
endif

OPT      ?= -O2
CPPFLAGS += -Iinclude -Iinclude/uapi -Ihelper -I$(B)/gen -DBOOST_ASIO_HAS_IO_URING -DBOOST_ASIO_DISABLE_EPOLL -DSPDLOG_FMT_EXTERNAL -DSPDLOG_COMPILED_LIB
CXXFLAGS += -std=c++20 $(OPT) -g -march=x86-64-v2 -fPIC -pthread -Wall -Wextra -Wno-missing-field-initializers $(SANFLAGS)
LDFLAGS  += -pthread $(SANFLAGS)
LDLIBS   += -lxdp -lbpf -lelf -lz -luring -lmnl -lpcap -lboost_json -lspdlog -lfmt -lOpenCL -ldl
BPFFLAGS := -O2 -g -mcpu=v3 -target bpf -Wall -Wno-unused-function -Iinclude/uapi -Ibpf -I/usr/include/$(MULTIARCH)

BPF_OBJ  := $(patsubst bpf/%.bpf.c,$(B)/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))
LIB_SRC  := $(filter-out %_test.cc helper/main.cc,$(wildcard helper/*.cc helper/base/*.cc helper/batch/*.cc helper/port/*.cc \
             helper/pipeline/*.cc helper/pipeline/elements/*.cc helper/pipeline/elements/*/*.cc helper/device/*.cc helper/balance/*.cc helper/table/*.cc helper/control/*.cc helper/replay/*.cc helper/bench/*.cc))
LIB_OBJ  := $(patsubst %.cc,$(B)/obj/%.o,$(LIB_SRC))
TEST_SRC := $(shell find helper -name '*_test.cc' 2>/dev/null)
TEST_OBJ := $(patsubst %.cc,$(B)/obj/%.o,$(TEST_SRC))
PLUGINS  := $(patsubst helper/plugins/%/plugin.cc,%,$(wildcard helper/plugins/*/plugin.cc))
PLUGIN_SO := $(patsubst %,$(B)/plugins/%.so,$(PLUGINS))
MODELS   := $(patsubst helper/device/%,$(B)/%,$(wildcard helper/device/models/*.toml))
CLI_SRC  := $(wildcard tools/cli/*.cc)
CLI_OBJ  := $(patsubst %.cc,$(B)/obj/%.o,$(CLI_SRC))

all: $(B)/bin/fulcrum $(B)/bin/fulcrumd $(BPF_OBJ) $(PLUGIN_SO) $(MODELS)

help:
	@echo 'make          build into $(B)/ (needs the packages that `make deps` installs)'
	@echo 'make deps     install what is missing (Debian 12, root)'
	@echo 'make demo     deps, build, and the product at its main job on real traffic (root)'
	@echo 'make check    deps, build, unit tests and selftests; TAP on stdout (root for all of them)'
	@echo 'make bench    throughput and latency against DPDK, the kernel and a bare forwarder (root)'
	@echo 'make check-gpu    every kernel on a CUDA device against the CPU, and how fast'
	@echo 'make cuda-report  registers, spills and occupancy of every kernel (needs nvcc)'
	@echo 'make bench-pipeline  what elements and the way between them cost here: part of bench, without interfaces'
	@echo 'make bench-device  what devices and the framework around them do here: part of bench, without interfaces'
	@echo 'make man      man pages of the elements into $(B)/man/: part of install'
	@echo 'make install  DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)'
	@echo 'make clean    remove $(B)/ and build-san/'
	@echo 'SAN=1         any of the above with AddressSanitizer and UBSan, in build-san/'

deps:
	@tools/deps.sh

# ---- BPF -------------------------------------------------------------------
$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h include/uapi/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(BPFFLAGS) -c $< -o $@

$(B)/gen/%.skel.h: $(B)/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf > $@.tmp && mv $@.tmp $@

# ---- C++ -------------------------------------------------------------------
$(B)/obj/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(CXXFLAGS_$*) -MMD -MP -c $< -o $@

# An element's manual is the comment at the head of its header. The source includes
# it as text: "manual/X.h" for helper/X.h.
MANUAL_SRC := $(shell grep -ls '^// SYNOPSIS' $$(find helper -name '*.h'))
MANUALS    := $(patsubst helper/%,$(B)/gen/manual/%,$(MANUAL_SRC))
$(B)/gen/manual/%.h: helper/%.h tools/manual.awk
	@mkdir -p $(@D)
	@awk -f tools/manual.awk $< >$@
$(LIB_OBJ): | $(MANUALS)

# The one generated header: the return program travels inside the helper.
$(B)/obj/helper/port/live.o: $(B)/gen/return.skel.h

# Models of devices are found beside bin/, as once installed.
$(B)/models/%.toml: helper/device/models/%.toml
	@mkdir -p $(@D)
	@cp $< $@

# What a plugin sees: include/, its own folder as "plugins/NAME/…", its manuals.
# helper/ is not among it, so that a plugin that reaches into it does not compile;
# one that uses a symbol of it does not link (-z defs).
plugin_inc = -Iinclude -Iinclude/uapi -I$(B)/view/$(1)
$(B)/view/%/made:
	@mkdir -p $(@D)/plugins
	@ln -sfn $(CURDIR)/helper/plugins/$* $(@D)/plugins/$*
	@ln -sfn ../../gen/manual $(@D)/manual
	@touch $@
# Unique symbols would keep a plugin mapped for good.
PLUGIN_CXXFLAGS = $(CXXFLAGS) -fno-gnu-unique
# The sanitizers' own symbols come with the program.
PLUGIN_LDFLAGS = -shared $(if $(SANFLAGS),,-Wl$(comma)-z$(comma)defs)

# Kernels: one source, one object a processor.
KERNEL_SRC := helper/plugins
include helper/plugins/kernels.mk

# Registers, spills, shared memory and occupancy of every kernel; fails where one spills.
cuda-report: $(foreach k,$(KERNELS),$(KGEN)/$(k).fatbin)
	@tools/cuda/report.py $(foreach k,$(KERNELS),$(KGEN)/$(k).fatbin.log)

# Those that tests of back ends run.
$(B)/gen/device/%.opencl.cc: helper/device/%.core.h helper/plugins/kernels.mk
	$(call opencl_text,device,-Iinclude -Ihelper)
TEST_KERNEL_OBJ := $(patsubst helper/device/%.core.h,$(B)/obj/gen/device/%.opencl.o,$(wildcard helper/device/*.core.h))

$(B)/libfulcrum.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/bin/fulcrumd: $(B)/obj/helper/main.o $(B)/libfulcrum.a
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -rdynamic -o $@ $^ $(LDLIBS)

$(B)/bin/fulcrum: $(CLI_OBJ) $(B)/libfulcrum.a
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -rdynamic -o $@ $^ $(LDLIBS)

define plugin_rule
$(1)_CC_OBJ := $$(patsubst %.cc,$$(B)/obj/%.o,$$(filter-out %_test.cc,$$(wildcard helper/plugins/$(1)/*.cc)))
$(1)_OBJ := $$($(1)_CC_OBJ) $$(call kernel_objects,$(1))
$$($(1)_OBJ) $$(foreach k,$$(filter $(1)/%,$$(KERNELS)),$$(KGEN)/$$(k).fatbin $$(KGEN)/$$(k).opencl.cc): | $$(B)/view/$(1)/made $$(MANUALS)
$$($(1)_CC_OBJ): $$(B)/obj/%.o: %.cc
	@mkdir -p $$(@D)
	$$(CXX) $$(call plugin_inc,$(1)) $$(PLUGIN_CXXFLAGS) $$(CXXFLAGS_$$*) -MMD -MP -c $$< -o $$@
# Whoever may write there could run code as the program that loads it.
$$(B)/plugins/$(1).so: $$($(1)_OBJ)
	@mkdir -p $$(@D)
	$$(CXX) $$(LDFLAGS) $$(PLUGIN_LDFLAGS) -o $$@ $$^ $$(PLUGIN_LIBS_$(1))
	@chmod go-w $$@ $$(@D)
endef
PLUGIN_LIBS_ids := -lhs
PLUGIN_LIBS_esp := -lIPSec_MB
PLUGIN_LIBS := $(PLUGIN_LIBS_ids) $(PLUGIN_LIBS_esp)
$(foreach p,$(PLUGINS),$(eval $(call plugin_rule,$(p))))
PLUGIN_OBJ := $(foreach p,$(PLUGINS),$($(p)_OBJ))

$(B)/bin/unit_tests: $(TEST_OBJ) $(TEST_KERNEL_OBJ) $(PLUGIN_OBJ) $(B)/libfulcrum.a | $(MODELS)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -rdynamic -o $@ $^ $(LDLIBS) $(PLUGIN_LIBS) -lpcre2-8 -lgtest -lgtest_main

include $(wildcard selftests/*/build.mk)

tests: all $(B)/bin/unit_tests $(SELFTEST_BIN)

# ---- what people type --------------------------------------------------------
demo: deps
	@$(MAKE) --no-print-directory all
	@tools/demo/run.sh

check: deps
	@$(MAKE) --no-print-directory tests san-run
	@selftests/run.sh

# Hostile captures go through `fulcrum run` under the sanitizers: what that needs, no more.
san-run:
	@$(MAKE) --no-print-directory SAN=1 B=build-san build-san/bin/fulcrum $(patsubst %,build-san/plugins/%.so,$(PLUGINS))

bench:
	@tools/deps.sh bench
	@$(MAKE) --no-print-directory all bench-tools
	@tools/bench/run.py
	@$(MAKE) --no-print-directory bench-pipeline
	@$(MAKE) --no-print-directory bench-device

bench-pipeline: all
	@$(if $(filter 0,$(shell id -u)),chrt -r 10) $(B)/bin/fulcrum bench pipeline

# A table of rule contents (columns sid and content) for the pattern search; none: patterns are made up.
PATTERNS ?= $(firstword $(wildcard ../shared/data/ids/rules/*/EXTRACT-content.tsv))
bench-device: all
	@$(if $(filter 0,$(shell id -u)),chrt -r 10) $(B)/bin/fulcrum bench device $(if $(PATTERNS),--patterns $(PATTERNS))

include $(wildcard tools/bench/bench.mk)

# Man pages of elements, from the manuals in the program and the plugins.
man: $(B)/man/fulcrum-elements.7
$(B)/man/fulcrum-elements.7: $(B)/bin/fulcrum $(PLUGIN_SO) tools/man/elements.sh tools/man/element.awk
	@tools/man/elements.sh $(B)/bin/fulcrum $(B)/man

to := $(DESTDIR)$(PREFIX)
SKELETON := $(wildcard tools/examples/plugin/*)
install: all man
	install -d $(addprefix $(to)/,bin lib/fulcrum/bpf lib/fulcrum/plugins lib/fulcrum/models include/fulcrum lib/systemd/system \
	  lib/pkgconfig share/fulcrum/skeleton share/man/man1 share/man/man7 share/man/man8 share/doc/fulcrum/examples)
	install -m755 $(B)/bin/fulcrum $(B)/bin/fulcrumd $(to)/bin/
	install -m644 $(BPF_OBJ) $(to)/lib/fulcrum/bpf/
	install -m644 $(PLUGIN_SO) $(to)/lib/fulcrum/plugins/
	install -m644 $(MODELS) $(to)/lib/fulcrum/models/
	install -m644 include/fulcrum/*.h include/uapi/*.h $(to)/include/fulcrum/
	install -m644 tools/plugin.mk helper/plugins/kernels.mk tools/manual.awk $(to)/share/fulcrum/
	install -m644 $(filter-out %.py,$(SKELETON)) $(to)/share/fulcrum/skeleton/
	install -m755 $(filter %.py,$(SKELETON)) $(to)/share/fulcrum/skeleton/
	sed 's|@PREFIX@|$(PREFIX)|' tools/fulcrum.pc.in >$(to)/lib/pkgconfig/fulcrum.pc
	chmod 644 $(to)/lib/pkgconfig/fulcrum.pc
	sed 's|/usr/local/bin/|$(PREFIX)/bin/|' tools/fulcrumd.service >$(to)/lib/systemd/system/fulcrumd.service
	chmod 644 $(to)/lib/systemd/system/fulcrumd.service
	install -m644 tools/man/*.1 $(to)/share/man/man1/
	install -m644 $(B)/man/*.7 $(to)/share/man/man7/
	install -m644 tools/man/*.8 $(to)/share/man/man8/
	install -m644 tools/examples/*.click $(to)/share/doc/fulcrum/examples/

clean:
	rm -rf build build-san

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null) $(wildcard $(B)/gen/device/*.d)

.PHONY: all help deps cuda-report tests demo check san-run bench bench-device man install clean
.DELETE_ON_ERROR:
.SECONDARY:
