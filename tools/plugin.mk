# SPDX-License-Identifier: MIT
# plugin.mk - a folder of elements and kernels -> build/PLUGIN.so, against installed headers.
#
#     PLUGIN := name            lower-case letters, digits and '_'; as in FULCRUM_PLUGIN(name)
#     PLUGIN_LIBS := -lfoo      what it links with beside the C++ library
#     include $(shell pkg-config --variable=pluginmk fulcrum)
#
# Sources are all *.cc of the folder but *_test.cc; a kernel is NAME.core.h
# (kernels.mk says what is made of it); a header whose head has a SYNOPSIS is the
# manual of its element and is included as "manual/plugins/PLUGIN/X.h". Headers of
# the folder are "plugins/PLUGIN/X.h", as they would be in Fulcrum's own tree.
#
# Targets: all, clean, and install into the plugin folder (root).
FULCRUM_SHARE  := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
FULCRUM_PREFIX ?= $(abspath $(FULCRUM_SHARE)/../..)
CXX      ?= g++
CXXFLAGS ?= -O2 -g
B        ?= build

all: $(B)/$(PLUGIN).so

# Made while this is read: the names of kernels are looked up through it.
PLUGIN_VIEW := $(B)/view/$(PLUGIN)
ifneq ($(MAKECMDGOALS),clean)
$(shell mkdir -p $(PLUGIN_VIEW)/plugins $(B)/gen/manual && ln -sfn $(CURDIR) $(PLUGIN_VIEW)/plugins/$(PLUGIN) && \
  ln -sfn $(abspath $(B))/gen/manual $(PLUGIN_VIEW)/manual)
endif

plugin_inc = -I$(FULCRUM_PREFIX)/include -I$(B)/view/$(1)
# Unique symbols would keep a plugin mapped for good.
PLUGIN_CXXFLAGS = -std=c++20 -march=x86-64-v2 -fPIC -pthread -fno-gnu-unique \
                  -Wall -Wextra -Wno-missing-field-initializers $(CXXFLAGS)
KERNEL_SRC := $(PLUGIN_VIEW)/plugins
include $(FULCRUM_SHARE)/kernels.mk

PLUGIN_MANUALS := $(patsubst %,$(B)/gen/manual/plugins/$(PLUGIN)/%,$(shell grep -ls '^// SYNOPSIS' *.h))
$(B)/gen/manual/plugins/$(PLUGIN)/%.h: %.h $(FULCRUM_SHARE)/manual.awk
	@mkdir -p $(@D)
	@awk -f $(FULCRUM_SHARE)/manual.awk $< >$@

PLUGIN_CC_OBJ := $(patsubst %.cc,$(B)/obj/%.o,$(filter-out %_test.cc,$(wildcard *.cc)))
$(PLUGIN_CC_OBJ): $(B)/obj/%.o: %.cc | $(PLUGIN_MANUALS)
	@mkdir -p $(@D)
	$(CXX) $(call plugin_inc,$(PLUGIN)) $(PLUGIN_CXXFLAGS) -MMD -MP -c $< -o $@

# Nothing but its libraries may be missing, and nobody else may write to it.
$(B)/$(PLUGIN).so: $(PLUGIN_CC_OBJ) $(call kernel_objects,$(PLUGIN))
	$(CXX) $(LDFLAGS) -shared -Wl,-z,defs -o $@ $^ $(PLUGIN_LIBS)
	@chmod go-w $@ $(@D)

# A new file takes the place of the old one, which a helper may have mapped.
install: all
	install -d $(DESTDIR)$(FULCRUM_PREFIX)/lib/fulcrum/plugins
	install -m644 $(B)/$(PLUGIN).so $(DESTDIR)$(FULCRUM_PREFIX)/lib/fulcrum/plugins/

clean:
	rm -rf $(B)

-include $(wildcard $(B)/obj/*.d)
.PHONY: all install clean
.DELETE_ON_ERROR:
.SECONDARY:
