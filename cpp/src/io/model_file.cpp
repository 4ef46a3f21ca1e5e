#include "model_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <set>
#include <stdexcept>

#include "../network/model.h"
#include "architecture.h"
#include "error_text.h"
#include "file.h"
#include "sharing_text.h"

namespace recurra {

namespace {

constexpr const char* format_version = "1";
constexpr const char *tied_key = "tied", *frozen_key = "frozen";  // each there if anything is
constexpr std::size_t longest_message = 2000;

template <class T>
constexpr const char* dtype_name() {
  return sizeof(T) == sizeof(float) ? "F32" : "F64";
}

// The metadata of a model, that of a checkpoint beside it, and nothing else, or an error.
void check_metadata(const Safetensors& file, const std::string& source) {
  const std::array<std::string, 4> keys{"format", "version", "dtype", "architecture"};
  for (const std::string& key : keys)
    if (!file.metadata.count(key)) throw bad_file(source, "lacks the metadata '" + key + "', so Recurra did not write it");
  const std::string &format = file.metadata.at("format"), &version = file.metadata.at("version");
  if (format != "recurra" || version != format_version)
    throw bad_file(source, "has format " + quote(format) + " version " + quote(version) + ", expected 'recurra' version '" +
                               format_version + "'");
  for (const auto& [key, value] : file.metadata)
    if (std::find(keys.begin(), keys.end(), key) == keys.end() && key != training_key && key != tied_key && key != frozen_key)
      throw bad_file(source, "has the unused metadata " + quote(key));
}

// The tensors that a checkpoint (training/checkpoint.cpp) or an online learner (online/online_file.cpp) has besides, which only a
// resumed run reads.
bool is_training_tensor(const std::string& name) {
  if (!name.starts_with(training_prefix)) return false;
  const std::string rest = name.substr(std::strlen(training_prefix));
  return rest == "epochs" || rest == "partial_epoch" || rest == "best" || rest == "state" || rest.starts_with("optimizer.") ||
         rest.starts_with("online.");
}

template <class T>
void check_tensors(const std::vector<Parameter>& parameters, const Safetensors& file, const std::string& source) {
  std::set<std::string> names;
  for (const Parameter& parameter : parameters) {
    const auto found = file.tensors.find(parameter.name);
    if (found == file.tensors.end()) throw bad_file(source, "lacks the tensor '" + parameter.name + "'");
    const auto& [dtype, shape, begin, end] = found->second;
    const std::vector<std::int64_t> expected(parameter.shape.begin(), parameter.shape.end());
    if (dtype != dtype_name<T>())
      throw bad_file(source, "tensor '" + parameter.name + "' has dtype " + dtype + ", expected " + dtype_name<T>());
    if (shape != expected)
      throw bad_file(source,
                     "tensor '" + parameter.name + "' has shape " + shape_text(shape) + ", expected " + shape_text(expected));
    names.insert(parameter.name);
  }
  const bool is_checkpoint = file.metadata.count(training_key) > 0;
  for (const auto& [name, entry] : file.tensors)
    if (!names.count(name) && !(is_checkpoint && is_training_tensor(name)))
      throw bad_file(source, "has the unused tensor " + quote(name));
}

// The model serves for its shapes: they are compared with the header before any memory is spent on them.
template <class T>
std::vector<T> flat_from(const Safetensors& file, const Model<T>& model, const std::string& source) {
  check_tensors<T>(model.parameters, file, source);
  std::vector<T> flat(std::size_t(model.parameter_offset.back()));
  for (const Parameter& parameter : model.parameters)
    if (parameter.size > 0)
      std::memcpy(flat.data() + parameter.offset, file.data.data() + file.tensors.at(parameter.name).begin,
                  std::size_t(parameter.size) * sizeof(T));
  return flat;
}

// What is tied and what rests in a file, whose tied tensors are equal.
template <class T>
SharedParameters sharing_of(const Safetensors& file, const Model<T>& model, const std::string& source) {
  const auto text = [&](const char* key) {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end()) return std::string();
    if (found->second.empty()) throw bad_file(source, std::string("has the empty metadata '") + key + "'");
    return found->second;
  };
  SharedParameters shared = sharing_from_text(model.parameters, text(tied_key), text(frozen_key));
  const auto bytes = [&](const std::string& name) {
    const TensorEntry& entry = file.tensors.at(name);
    return std::string_view(file.data.data() + entry.begin, entry.end - entry.begin);
  };
  for (const SharedParameters::Names& group : shared.tied())
    for (const std::string& name : group)
      if (bytes(name) != bytes(group.front()))
        throw bad_file(source,
                       "tensor '" + name + "' differs from '" + group.front() + "', expected equal values: they are tied");
  return shared;
}

template <class T>
BasicNetwork<T> network_of(const Safetensors& file, std::vector<LayerSpec> layers, const std::string& source) {
  const Model<T> model(layers);
  std::vector<T> flat = flat_from(file, model, source);
  const SharedParameters shared = sharing_of(file, model, source);
  return BasicNetwork<T>(std::move(layers), std::move(flat), shared.tied(), shared.frozen());
}

}  // namespace

template <class T>
std::vector<Tensor> model_tensors(const BasicNetwork<T>& network) {
  std::vector<Tensor> tensors;
  const T* const flat = network.flat().data();
  for (const Parameter& parameter : network.parameters())
    tensors.push_back(
        {parameter.name, dtype_name<T>(), {parameter.shape.begin(), parameter.shape.end()}, flat + parameter.offset});
  return tensors;
}

template <class T>
std::map<std::string, std::string> model_metadata(const BasicNetwork<T>& network) {
  std::map<std::string, std::string> metadata{{"format", "recurra"},
                                              {"version", format_version},
                                              {"dtype", dtype_name<T>()},
                                              {"architecture", architecture_to_json(network.layers())}};
  if (!network.tied().empty()) metadata[tied_key] = tied_text(*network.shared());
  if (!network.frozen().empty()) metadata[frozen_key] = frozen_text(*network.shared());
  return metadata;
}

template <class T>
std::vector<char> to_bytes(const BasicNetwork<T>& network) {
  return encode_safetensors(model_tensors(network), model_metadata(network));
}

AnyNetwork from_bytes(std::vector<char> bytes, const std::string& source) try {
  return network_from(decode_safetensors(std::move(bytes), source), source);
} catch (const std::bad_alloc&) {
  throw bad_file(source, "no memory for its network");
}

AnyNetwork network_from(const Safetensors& file, const std::string& source) try {
  check_metadata(file, source);
  const std::string& dtype = file.metadata.at("dtype");
  if (dtype != "F32" && dtype != "F64") throw bad_file(source, "has dtype " + quote(dtype) + ", expected F32 or F64");
  std::vector<LayerSpec> layers = architecture_from_json(file.metadata.at("architecture"));
  if (dtype == "F32") return network_of<float>(file, std::move(layers), source);
  return network_of<double>(file, std::move(layers), source);
} catch (const std::invalid_argument& error) {
  throw bad_file(source, printable(error.what(), longest_message));  // it may hold the file's own words
}

template <class T>
void save(const BasicNetwork<T>& network, const std::string& path) {
  write_file(path, to_bytes(network));
}

AnyNetwork load_any(const std::string& path) { return from_bytes(read_file(path), path); }

template <class T>
BasicNetwork<T> load(const std::string& path) {
  AnyNetwork network = load_any(path);
  if (auto* wanted = std::get_if<BasicNetwork<T>>(&network)) return std::move(*wanted);
  throw bad_file(path, std::string("is of another dtype, expected ") + dtype_name<T>());
}

#define RECURRA_INSTANTIATE(T)                                                        \
  template std::vector<Tensor> model_tensors(const BasicNetwork<T>&);                 \
  template std::map<std::string, std::string> model_metadata(const BasicNetwork<T>&); \
  template std::vector<char> to_bytes(const BasicNetwork<T>&);                        \
  template void save(const BasicNetwork<T>&, const std::string&);                     \
  template BasicNetwork<T> load(const std::string&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
