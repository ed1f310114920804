// SPDX-License-Identifier: MIT
// from_capture.cc - FromCapture: packets of a capture file -> output 0, in `fulcrum run`.
#include "pipeline/elements/ports/from_capture.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/ports/from_capture.h"
#include "port/pcap_file.h"

namespace fulcrum {

std::vector<ArgError> FromCapture::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  const Arg* file = args.keyword("FILE");
  if (!file) file = args.positional("the name of a capture file");
  const Arg* port = args.keyword("PORT");
  if (file && setup.live()) {
    args.error(file->pos,
               "the helper takes packets from interfaces only: run the capture with `fulcrum run --pipeline FILE`, or "
               "put FromPort here and send it to that interface with tcpreplay");
  } else if (file) {
    capture_ = setup.resolve_path(file->text);
    if (auto readable = CaptureReader::open(capture_); !readable) args.error(file->pos, readable.error().text);
  }
  if (setup.live()) return args.done();
  name_ = port ? port->text : setup.element();
  if (Result<std::uint16_t> index = setup.port(name_))
    port_ = *index;
  else
    args.error(port ? port->pos : SourcePos{}, index.error().text);
  return args.done();
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}};
}
constinit const ElementClass kFromCaptureClass = {"FromCapture",
                                                  "FromCapture(FILE [, PORT name])",
                                                  "packets of a capture file, in `fulcrum run`",
                                                  0,
                                                  kOutputs,
                                                  [] { return std::unique_ptr<Element>(new FromCapture); },
                                                  kManual};

}  // namespace fulcrum
