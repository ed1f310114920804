// SPDX-License-Identifier: MIT
// per_worker.h - what one worker's element has gathered: kept over a change of pipeline.
//
// The element of the same name, class and settings in the next pipeline goes on with
// the same object. Old and new are run by the same worker, so that it has one writer.
#pragma once

#include <memory>
#include <string>

#include "fulcrum/element.h"

namespace fulcrum {

// `make` returns a std::shared_ptr<State>; `same` tells whether an earlier one fits.
template <class State, class Make, class Same>
std::shared_ptr<State> per_worker(const char* class_name, Setup& setup, Make make, Same same) {
  const std::string key = std::string(class_name) + "/" + setup.element() + "/" + std::to_string(setup.worker());
  return std::static_pointer_cast<State>(setup.shared(key, [&]() -> std::shared_ptr<void> {
    auto before = std::static_pointer_cast<State>(setup.inherited(key));
    if (before && same(*before)) return before;
    return make();
  }));
}

}  // namespace fulcrum
