#include "target.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "memory.h"
#include "oracle.h"

namespace fuzz {

namespace {

// A fixed multiple of the file's size, for the descriptions of layers are larger than their text, and a fixed sum: even one
// layer has tables.
constexpr std::size_t factor = 40, constant = 50'000;

}  // namespace

Outcome run(std::string_view bytes) {
  Outcome outcome;
  std::optional<recurra::AnyNetwork> network;
  std::optional<std::string> bad;
  {
    const std::size_t allowed = constant + factor * bytes.size();
    const MemoryLimit limit(allowed);
    try {
      network = recurra::from_bytes({bytes.begin(), bytes.end()});
    } catch (const std::exception& error) {
      bad = bad_message(error);
      outcome.error = error.what();
    } catch (...) {
      bad = "threw no std::exception";
    }
    outcome.memory = static_cast<double>(limit.peak()) / static_cast<double>(allowed);
    const std::ptrdiff_t kept = limit.leaked();
    if (bad && bad->empty() && kept > 2000 + static_cast<std::ptrdiff_t>(outcome.error.capacity()))
      bad = "refused the file and kept " + std::to_string(kept) + " bytes";
  }
  outcome.loaded = network.has_value();
  outcome.finding = network ? difference(bytes, *network) : *bad;
  return outcome;
}

}  // namespace fuzz

// For libFuzzer: compile these files, without main.cpp, with -fsanitize=fuzzer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Outcome outcome = fuzz::run({reinterpret_cast<const char*>(data), size});
  if (outcome.finding.empty()) return 0;
  std::fprintf(stderr, "finding: %s\n", outcome.finding.c_str());
  std::abort();
}
