// SPDX-License-Identifier: MIT
// element.cc - the file of SAs, once a pipeline; the table as the next task needs it.
#include "plugins/esp/element.h"

namespace fulcrum::esp {

void EspElement::take_sas(ArgReader& args, Setup& setup) {
  for (std::size_t s = 0; s < names_.size(); ++s)
    if (names_[s]) reason_[s] = setup.reason(names_[s]);
  const Arg* sas = args.keyword("SAS");
  if (!sas) return args.error({}, "needs to know its security associations", {"SAS \"sas.txt\""});
  std::string_view path = sas->text;
  if (!sas->quoted && path.starts_with("FILE ")) path.remove_prefix(5);
  if (path.empty()) return args.error(sas->pos, "SAS is empty", {"SAS \"sas.txt\""});
  const std::string resolved = setup.resolve_path(path);
  const std::string key = "esp:states";
  auto states = std::static_pointer_cast<SaStates>(setup.shared(key, [&]() -> std::shared_ptr<void> {
    std::shared_ptr<void> before = setup.inherited(key);
    return before ? before : std::make_shared<SaStates>();
  }));
  file_ = std::static_pointer_cast<SaFile>(setup.shared(
      "esp:file:" + resolved, [&]() -> std::shared_ptr<void> { return load_sa_file(resolved, sas->pos, *states); }));
  for (const ArgError& e : file_->errors) args.error(e.pos, e.text, e.choices);
  sas_ = TableReader<SaTable>(&file_->database.sas);
  selectors_ = TableReader<SelectorTable>(&file_->database.selectors);
  Result<std::unique_ptr<MbCrypto>> crypto = MbCrypto::make();
  if (!crypto) return args.error({}, crypto.error().text);
  crypto_ = std::move(*crypto);
}

KernelTable EspElement::table() noexcept {
  const SaTable* now = sas_.get();
  if (!now) return {};
  return {.owner = sas_.held(),
          .data = now->flat(),
          .bytes = now->flat_bytes(),
          .version = sas_.version(),
          .identity = reinterpret_cast<std::uintptr_t>(&file_->database.sas)};
}

std::vector<CounterValue> EspElement::counters() const {
  std::vector<CounterValue> all;
  for (std::size_t s = 0; s < counts_.size(); ++s)
    if (counts_[s]) all.push_back({counts_[s], count_[s].value()});
  return all;
}

}  // namespace fulcrum::esp
