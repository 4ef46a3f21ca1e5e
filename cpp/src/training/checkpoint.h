// A run of fit in a file: a model file, readable as such, with further tensors and metadata (docs/model_file.md).
#pragma once

#include "../io/model_file.h"
#include "run_settings.h"
#include "run_state.h"

namespace recurra {

// Replaces the file in one step. Throws std::system_error; the old file is then as it was.
template <class T>
void write_checkpoint(const std::string& path, const BasicNetwork<T>& network, const RunState<T>& run,
                      const RunSettings& settings);

// A checkpoint in memory. All of this throws std::runtime_error for a file that is missing, damaged or holds a model alone.
class Checkpoint {
 public:
  explicit Checkpoint(const std::string& path);
  const RunSettings& settings() const { return settings_; }
  // T is that of the run.
  template <class T>
  BasicNetwork<T> network() const;
  // Finds what belongs to the run; whether it fits an optimizer and a data set is for the caller to see.
  template <class T>
  RunState<T> run() const;

 private:
  template <class T>
  std::vector<T> values(const std::string& name, const TensorEntry& entry, const std::vector<std::int64_t>& shape) const;
  template <class T>
  std::vector<T> values(const std::string& name, const std::vector<std::int64_t>& shape) const;
  [[noreturn]] void fail(const std::string& what) const;

  std::string path_;
  Safetensors file_;
  RunSettings settings_;
  std::uint64_t updates_ = 0;
  std::int64_t epochs_ = 0, batch_ = 0;
};

}  // namespace recurra
