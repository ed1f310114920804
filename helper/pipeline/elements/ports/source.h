// SPDX-License-Identifier: MIT
// source.h - what elements that packets come in by have in common, for the framework.
#pragma once

#include <string>

#include "fulcrum/element.h"

namespace fulcrum {

class Source : public Element {
 public:
  void process(Batch&, Mask in, Mask* out) noexcept final { out[0] = in; }

  const std::string& name() const { return name_; }  // of the port
  std::uint16_t port() const { return port_; }
  // The file that packets come from; empty: from the port itself.
  const std::string& capture() const { return capture_; }
  fulcrum_ordering ordering() const { return ordering_; }
  fulcrum_on_loss on_helper_loss() const { return on_loss_; }

 protected:
  std::string name_, capture_;
  std::uint16_t port_ = kNoPort;
  fulcrum_ordering ordering_ = FULCRUM_ORDER_FLOW;
  fulcrum_on_loss on_loss_ = FULCRUM_LOSS_PASS;
};

}  // namespace fulcrum
