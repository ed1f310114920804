// SPDX-License-Identifier: MIT
// main.cc - options -> parts -> TAP.
//
//   parity [--seed N] [--rounds N] [--items N] [--bytes N] [--data FOLDER] [--device WORD]…
//
// Ends with 0 all right, 1 not, 2 wrong usage.
#include <cstdio>
#include <cstdlib>

#include "parity.h"

namespace fulcrum::parity {
namespace {

// False: not understood.
bool parse(int argc, char** argv, Options& o) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    const auto number = static_cast<std::uint32_t>(std::strtoul(value, nullptr, 0));
    if (name == "--seed")
      o.seed = number;
    else if (name == "--rounds")
      o.rounds = number;
    else if (name == "--items")
      o.max_items = number;
    else if (name == "--bytes")
      o.max_bytes = number;
    else if (name == "--data")
      o.data = value;
    else if (name == "--device")
      o.devices.emplace_back(value);
    else
      return false;
  }
  return argc % 2 == 1;
}

int run(const Options& options) {
  std::printf("# seed %u rounds %u\n", options.seed, options.rounds);
  Context context(options);
  std::printf("# %zu rows, %zu frames of captures\n", context.rows.size(), context.real.size());
  for (const Part::Run part : Part::all()) part(context);
  std::printf("1..%u\n", context.cases);
  return context.failures ? 1 : 0;
}

}  // namespace
}  // namespace fulcrum::parity

int main(int argc, char** argv) {
  fulcrum::parity::Options options = fulcrum::parity::default_options();
  if (fulcrum::parity::parse(argc, argv, options)) return fulcrum::parity::run(options);
  std::fprintf(stderr, "usage: %s [--seed N] [--rounds N] [--items N] [--bytes N] [--data FOLDER] [--device WORD]...\n",
               argv[0]);
  return 2;
}
