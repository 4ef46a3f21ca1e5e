#include "model_file.h"

#include <cstring>
#include <stdexcept>

#include "../network/model.h"
#include "architecture.h"
#include "file.h"

namespace recurra {

namespace {

constexpr const char* format_version = "1";

template <class T>
constexpr const char* dtype_name() {
  return sizeof(T) == sizeof(float) ? "F32" : "F64";
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "(" + text + ")";
}

const std::string& metadata(const Safetensors& file, const std::string& source, const std::string& key) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end())
    throw std::runtime_error("load: " + source + ": lacks the metadata '" + key + "', so Recurra did not write it");
  return found->second;
}

template <class T>
BasicNetwork<T> network_of(const Safetensors& file, std::vector<LayerSpec> layers, const std::string& source) {
  const auto fail = [&](const std::string& what) { throw std::runtime_error("load: " + source + ": " + what); };
  const Model<T> model(layers);  // the shapes, before any memory is spent on them
  for (const Parameter& parameter : model.parameters) {
    const auto found = file.tensors.find(parameter.name);
    if (found == file.tensors.end()) fail("lacks the tensor '" + parameter.name + "'");
    const std::vector<std::int64_t> shape(parameter.shape.begin(), parameter.shape.end());
    if (found->second.dtype != dtype_name<T>())
      fail("tensor '" + parameter.name + "' has dtype " + found->second.dtype + ", expected " + dtype_name<T>());
    if (found->second.shape != shape)
      fail("tensor '" + parameter.name + "' has shape " + shape_text(found->second.shape) + ", expected " + shape_text(shape));
  }
  for (const auto& [name, entry] : file.tensors) {
    bool known = file.metadata.contains(training_key) && name.starts_with(training_prefix);
    for (const Parameter& parameter : model.parameters) known = known || parameter.name == name;
    if (!known) fail("has the unused tensor '" + name + "'");
  }
  std::vector<T> flat(std::size_t(model.parameter_offset.back()));
  for (const Parameter& parameter : model.parameters)
    if (parameter.size > 0)
      std::memcpy(flat.data() + parameter.offset, file.data.data() + file.tensors.at(parameter.name).begin,
                  std::size_t(parameter.size) * sizeof(T));
  return BasicNetwork<T>(std::move(layers), std::move(flat));
}

}  // namespace

template <class T>
std::vector<Tensor> model_tensors(const BasicNetwork<T>& network) {
  std::vector<Tensor> tensors;
  for (const Parameter& parameter : network.parameters())
    tensors.push_back({parameter.name,
                       dtype_name<T>(),
                       {parameter.shape.begin(), parameter.shape.end()},
                       network.flat().data() + parameter.offset});
  return tensors;
}

template <class T>
std::map<std::string, std::string> model_metadata(const BasicNetwork<T>& network) {
  return {{"format", "recurra"},
          {"version", format_version},
          {"dtype", dtype_name<T>()},
          {"architecture", architecture_to_json(network.layers())}};
}

template <class T>
std::vector<char> to_bytes(const BasicNetwork<T>& network) {
  return encode_safetensors(model_tensors(network), model_metadata(network));
}

AnyNetwork from_bytes(std::vector<char> bytes, const std::string& source) {
  return network_from(decode_safetensors(std::move(bytes), source), source);
}

AnyNetwork network_from(const Safetensors& file, const std::string& source) {
  if (metadata(file, source, "format") != "recurra" || metadata(file, source, "version") != format_version)
    throw std::runtime_error("load: " + source + ": has format '" + metadata(file, source, "format") + "' version '" +
                             metadata(file, source, "version") + "', expected 'recurra' version '" + format_version + "'");
  const std::string& dtype = metadata(file, source, "dtype");
  try {
    std::vector<LayerSpec> layers = architecture_from_json(metadata(file, source, "architecture"));
    if (dtype == "F32") return network_of<float>(file, std::move(layers), source);
    if (dtype == "F64") return network_of<double>(file, std::move(layers), source);
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error("load: " + source + ": " + error.what());
  }
  throw std::runtime_error("load: " + source + ": has dtype '" + dtype + "', expected F32 or F64");
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
  throw std::runtime_error("load: " + path + ": is of another dtype, expected " + dtype_name<T>());
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
