#include "online_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "../io/file.h"
#include "../io/model_file.h"
#include "../learning/finite.h"

namespace recurra {

namespace {

using Json = nlohmann::json;

constexpr int version = 1;
constexpr int max_depth = 3;  // of the metadata's JSON
const std::string prefix = std::string(training_prefix) + "online.";

template <class T>
constexpr const char* dtype() {
  return sizeof(T) == sizeof(float) ? "F32" : "F64";
}

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw std::runtime_error("load: " + path + ": " + what);
}

}  // namespace

template <class T>
void OnlineFile<T>::write(const std::string& path, const BasicNetwork<T>& network) const {
  std::vector<Tensor> tensors = model_tensors(network);
  for (const auto& [name, values] : vectors_)
    tensors.push_back({prefix + name, dtype<T>(), {std::int64_t(values.size())}, values.data()});
  std::map<std::string, std::string> metadata = model_metadata(network);
  metadata[training_key] = Json{{"online", version}, {"settings", settings_}, {"numbers", numbers_}}.dump();
  write_file(path, encode_safetensors(tensors, metadata));
}

template <class T>
OnlineFile<T> OnlineFile<T>::read(const std::string& path, const std::string& settings, const BasicNetwork<T>& network) {
  const Safetensors file = decode_safetensors(read_file(path), path);
  OnlineFile result(settings);
  result.path_ = path;
  const auto found = file.metadata.find(training_key);
  if (found == file.metadata.end()) refuse(path, "holds no online learner, expected a file that its save() wrote");
  try {
    const Json json = Json::parse(found->second, [](int depth, Json::parse_event_t, Json&) {
      if (depth > max_depth) throw std::invalid_argument("is nested too deeply");
      return true;
    });
    if (!json.contains("online")) throw std::invalid_argument("is not of an online learner");
    if (json.at("online") != version) throw std::invalid_argument("is of another version");
    if (json.at("settings").get<std::string>() != settings)
      throw std::invalid_argument("is of a learner with " + json.at("settings").get<std::string>() + ", expected " + settings);
    for (const auto& [name, value] : json.at("numbers").get<std::map<std::string, Json>>()) {
      const auto* count = value.template get_ptr<const Json::number_unsigned_t*>();  // null for all but whole numbers >= 0
      if (!count || *count > std::uint64_t(most_count))
        throw std::invalid_argument("'" + name + "' is " + value.dump() + ", expected 0 .. " + std::to_string(most_count));
      result.numbers_[name] = std::int64_t(*count);
    }
  } catch (const std::exception& error) {
    refuse(path, std::string("its training data cannot be used: ") + error.what());
  }
  const AnyNetwork stored = network_from(file, path);
  const auto* model = std::get_if<BasicNetwork<T>>(&stored);
  if (!model || model->layers() != network.layers()) refuse(path, "holds another network than the learner's");
  if (model->tied() != network.tied()) refuse(path, "holds a network with other tied parameters than the learner's");
  result.parameters_.assign(model->flat().begin(), model->flat().end());
  if (!all_finite(model->flat().data(), Index(model->flat().size()))) refuse(path, "has parameters that are not finite");
  for (const auto& [name, entry] : file.tensors) {
    if (!name.starts_with(prefix)) continue;
    if (entry.dtype != dtype<T>() || entry.shape.size() != 1)
      refuse(path, "'" + name + "' is not a vector of the network's dtype");
    std::vector<T>& to = result.vectors_[name.substr(prefix.size())];
    to.resize(std::size_t(entry.end - entry.begin) / sizeof(T));
    if (!to.empty()) std::memcpy(to.data(), file.data.data() + entry.begin, to.size() * sizeof(T));
  }
  for (const auto& [name, values] : result.vectors_) result.unread_.insert(name);
  for (const auto& [name, value] : result.numbers_) result.unread_.insert(name);
  return result;
}

template <class T>
void OnlineFile<T>::fail(const std::string& what) const {
  refuse(path_, what);
}

template <class T>
std::span<const T> OnlineFile<T>::vector(const std::string& name, std::size_t size) const {
  const auto found = vectors_.find(name);
  if (found == vectors_.end()) fail("has no '" + name + "'");
  if (found->second.size() != size)
    fail("'" + name + "' has " + std::to_string(found->second.size()) + " values, expected " + std::to_string(size));
  for (const T value : found->second)
    if (std::isnan(value)) fail("'" + name + "' has nan, expected numbers");
  unread_.erase(name);
  return found->second;
}

template <class T>
void OnlineFile<T>::copy(const std::string& name, std::span<T> to) const {
  std::ranges::copy(vector(name, to.size()), to.begin());
}

template <class T>
std::int64_t OnlineFile<T>::number(const std::string& name, std::int64_t least, std::int64_t most) const {
  const auto found = numbers_.find(name);
  if (found == numbers_.end()) fail("has no number '" + name + "'");
  if (found->second < least || found->second > most)
    fail("'" + name + "' is " + std::to_string(found->second) + ", expected " + std::to_string(least) + " .. " +
         std::to_string(most));
  unread_.erase(name);
  return found->second;
}

template <class T>
void OnlineFile<T>::check_all_read() const {
  if (!unread_.empty()) fail("has '" + *unread_.begin() + "', which a learner like this does not have");
}

template class OnlineFile<float>;
template class OnlineFile<double>;

}  // namespace recurra
