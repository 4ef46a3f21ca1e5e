#include "checkpoint.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "../io/file.h"

namespace recurra {

namespace {

using Json = nlohmann::json;

constexpr int version = 1;
constexpr int max_depth = 4;  // of the metadata's JSON
constexpr std::int64_t epoch_numbers = 4, partial_numbers = 3;

const std::string prefix = training_prefix, optimizer_prefix = prefix + "optimizer.";
// Numbers of double precision, so that they come back as they were, NaN and infinity too.
const std::string epochs_name = prefix + "epochs", partial_name = prefix + "partial_epoch", best_name = prefix + "best",
                  state_name = prefix + "state";

template <class T>
constexpr const char* dtype() {
  return sizeof(T) == sizeof(float) ? "F32" : "F64";
}

template <class T>
Tensor vector_tensor(const std::string& name, const std::vector<T>& values) {
  return {name, dtype<T>(), {std::int64_t(values.size())}, values.data()};
}

Json parse(const std::string& text) {
  return Json::parse(text, [](int depth, Json::parse_event_t, Json&) {
    if (depth > max_depth) throw std::invalid_argument("is nested too deeply");
    return true;
  });
}

}  // namespace

template <class T>
void write_checkpoint(const std::string& path, const BasicNetwork<T>& network, const RunState<T>& run,
                      const RunSettings& settings) {
  std::vector<double> epochs;
  for (const Epoch& e : run.epochs) epochs.insert(epochs.end(), {e.loss, e.validation_loss, e.learning_rate, e.seconds});
  const std::vector<double> partial{run.partial.mean.sum, run.partial.mean.total, run.partial.seconds};
  std::vector<Tensor> tensors = model_tensors(network);
  tensors.push_back({epochs_name, dtype<double>(), {std::int64_t(run.epochs.size()), epoch_numbers}, epochs.data()});
  tensors.push_back(vector_tensor(partial_name, partial));
  if (!run.best.empty()) tensors.push_back(vector_tensor(best_name, run.best));
  const std::int64_t width = network.state_size();
  if (!run.state.empty())
    tensors.push_back({state_name, dtype<T>(), {std::int64_t(run.state.size()) / width, width}, run.state.data()});
  for (const auto& [name, vector] : run.optimizer.vectors) tensors.push_back(vector_tensor(optimizer_prefix + name, vector));

  Json listed = Json::array();
  for (const auto& [name, value] : settings) listed.push_back({name, value});
  const Json training{{"version", version},
                      {"epochs", run.epochs.size()},
                      {"batch", run.partial.batch},
                      {"updates", run.optimizer.updates},
                      {"settings", listed}};
  std::map<std::string, std::string> metadata = model_metadata(network);
  metadata[training_key] = training.dump();
  write_file(path, encode_safetensors(tensors, metadata));
}

void Checkpoint::fail(const std::string& what) const { throw std::runtime_error("load: " + path_ + ": " + what); }

Checkpoint::Checkpoint(const std::string& path) : path_(path), file_(decode_safetensors(read_file(path), path)) {
  const auto found = file_.metadata.find(training_key);
  if (found == file_.metadata.end()) fail("holds no training run, expected a checkpoint of fit");
  try {
    const Json json = parse(found->second);
    if (json.at("version") != version) fail("holds a run of another version, expected " + std::to_string(version));
    for (const char* count : {"epochs", "batch", "updates"})
      if (!json.at(count).is_number_unsigned()) throw std::invalid_argument(std::string("has no count of ") + count);
    epochs_ = json["epochs"].get<std::int64_t>();
    batch_ = json["batch"].get<std::int64_t>();
    updates_ = json["updates"].get<std::uint64_t>();
    for (const Json& setting : json.at("settings"))
      settings_.emplace_back(setting.at(0).get<std::string>(), setting.at(1).get<std::string>());
  } catch (const Json::exception& error) {
    fail(std::string("has bad metadata '") + training_key + "': " + error.what());
  } catch (const std::invalid_argument& error) {
    fail(std::string("has metadata '") + training_key + "' that " + error.what());
  }
  if (epochs_ < 0 || batch_ < 0 || std::int64_t(updates_) < 0)
    fail(std::string("has metadata '") + training_key + "' with a count that overflows");
}

template <class T>
BasicNetwork<T> Checkpoint::network() const {
  AnyNetwork any = network_from(file_, path_);
  auto* network = std::get_if<BasicNetwork<T>>(&any);
  if (!network) fail(std::string("has a network of another dtype than its run, expected ") + dtype<T>());
  return std::move(*network);
}

template <class T>
std::vector<T> Checkpoint::values(const std::string& name, const TensorEntry& entry,
                                  const std::vector<std::int64_t>& shape) const {
  if (entry.dtype != dtype<T>() || entry.shape != shape)
    fail("tensor '" + name + "' has another dtype or shape than its run, expected " + dtype<T>());
  std::vector<T> result((entry.end - entry.begin) / sizeof(T));
  if (!result.empty()) std::memcpy(result.data(), file_.data.data() + entry.begin, result.size() * sizeof(T));
  return result;
}

template <class T>
std::vector<T> Checkpoint::values(const std::string& name, const std::vector<std::int64_t>& shape) const {
  const auto found = file_.tensors.find(name);
  if (found == file_.tensors.end()) fail("lacks the tensor '" + name + "'");
  return values<T>(name, found->second, shape);
}

template <class T>
RunState<T> Checkpoint::run() const {
  RunState<T> run;
  const BasicNetwork<T> network = this->network<T>();
  const std::int64_t parameters = std::int64_t(network.flat().size());
  const std::vector<double> epochs = values<double>(epochs_name, {epochs_, epoch_numbers});
  for (std::size_t i = 0; i < epochs.size(); i += epoch_numbers)
    run.epochs.push_back({epochs[i], epochs[i + 1], epochs[i + 2], epochs[i + 3]});
  const std::vector<double> partial = values<double>(partial_name, {partial_numbers});
  run.partial = {batch_, {partial[0], partial[1]}, partial[2]};
  run.optimizer.updates = updates_;
  for (const auto& [name, entry] : file_.tensors) {
    if (name.starts_with(optimizer_prefix))
      run.optimizer.vectors[name.substr(optimizer_prefix.size())] = values<T>(name, entry, {parameters});
    else if (name == best_name)
      run.best = values<T>(name, entry, {parameters});
    else if (name == state_name && !entry.shape.empty() && entry.begin < entry.end)
      run.state = values<T>(name, entry, {entry.shape[0], network.state_size()});
    else if (name.starts_with(prefix) && name != epochs_name && name != partial_name)
      fail("has the unused tensor '" + name + "'");
  }
  return run;
}

#define RECURRA_INSTANTIATE(T)                                                                                        \
  template void write_checkpoint(const std::string&, const BasicNetwork<T>&, const RunState<T>&, const RunSettings&); \
  template BasicNetwork<T> Checkpoint::network() const;                                                               \
  template RunState<T> Checkpoint::run() const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
