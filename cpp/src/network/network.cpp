#include "recurra/network.h"

#include <new>
#include <stdexcept>

#include "model.h"
#include "recurra/initialization.h"
#include "shared_parameters.h"

namespace recurra {

template <class T>
BasicNetwork<T>::BasicNetwork(std::vector<LayerSpec> layers, std::uint64_t seed)
    : model_(std::make_shared<const Model<T>>(std::move(layers))),
      shared_(std::make_shared<const SharedParameters>(model_->parameters)) {
  const Index count = model_->parameter_offset.back();
  try {
    flat_.resize(std::size_t(count));
  } catch (const std::bad_alloc&) {
    throw std::invalid_argument("Network: " + std::to_string(count) + " parameters do not fit into memory");
  }
  initialize(*this, seed);
}

template <class T>
BasicNetwork<T>::BasicNetwork(std::vector<LayerSpec> layers, std::vector<T> flat, std::vector<Names> tied, const Names& frozen)
    : model_(std::make_shared<const Model<T>>(std::move(layers))),
      shared_(std::make_shared<const SharedParameters>(model_->parameters, std::move(tied), frozen)),
      flat_(std::move(flat)) {
  if (Index(flat_.size()) != model_->parameter_offset.back())
    throw std::invalid_argument("Network: got " + std::to_string(flat_.size()) + " parameters, expected " +
                                std::to_string(model_->parameter_offset.back()));
}

template <class T>
BasicNetwork<T>::BasicNetwork(const BasicNetwork& other)
    : model_(other.model_), shared_(other.shared_), flat_(other.flat().begin(), other.flat().end()) {}

template <class T>
BasicNetwork<T>& BasicNetwork<T>::operator=(const BasicNetwork& other) {
  if (this == &other) return *this;
  flat_.assign(other.flat().begin(), other.flat().end());
  if (!model_ || !other.model_ || model_->specs != other.model_->specs) model_ = other.model_;  // one may be moved from
  shared_ = other.shared_;
  return *this;
}

template <class T>
std::span<T> BasicNetwork<T>::flat() {
  if (shared_) shared_->share(std::span<T>(flat_));
  return flat_;
}
template <class T>
std::span<const T> BasicNetwork<T>::flat() const {
  if (shared_) shared_->share(std::span<T>(flat_));
  return flat_;
}

template <class T>
void BasicNetwork<T>::tie(const Names& names) {
  shared_ = std::make_shared<const SharedParameters>(shared_->tie(model_->parameters, names));
  shared_->share(std::span<T>(flat_));
}
template <class T>
void BasicNetwork<T>::freeze(const Names& names) {
  shared_ = std::make_shared<const SharedParameters>(shared_->freeze(model_->parameters, names));
}
template <class T>
void BasicNetwork<T>::unfreeze(const Names& names) {
  shared_ = std::make_shared<const SharedParameters>(shared_->unfreeze(model_->parameters, names));
}
template <class T>
const std::vector<std::vector<std::string>>& BasicNetwork<T>::tied() const {
  return shared_->tied();
}
template <class T>
const std::vector<std::string>& BasicNetwork<T>::frozen() const {
  return shared_->frozen();
}

template <class T>
const std::vector<LayerSpec>& BasicNetwork<T>::layers() const {
  return model_->specs;
}
template <class T>
Index BasicNetwork<T>::input_size() const {
  return model_->input_size;
}
template <class T>
Index BasicNetwork<T>::output_size() const {
  return model_->output_size;
}
template <class T>
bool BasicNetwork<T>::takes_ids() const {
  return model_->takes_ids();
}
template <class T>
Index BasicNetwork<T>::num_ids() const {
  return model_->num_ids;
}
template <class T>
Index BasicNetwork<T>::teacher_size() const {
  return model_->teacher_size();
}
template <class T>
bool BasicNetwork<T>::pools() const {
  return model_->pools();
}
template <class T>
bool BasicNetwork<T>::decodes() const {
  return model_->decodes();
}
template <class T>
Index BasicNetwork<T>::num_symbols() const {
  return model_->num_symbols();
}
template <class T>
std::string BasicNetwork<T>::runs_over() const {
  return to_string(model_->domain);
}

template <class T>
bool BasicNetwork<T>::looks_ahead() const {
  return model_->looks_ahead();
}
template <class T>
const std::vector<Parameter>& BasicNetwork<T>::parameters() const {
  return model_->parameters;
}
template <class T>
const std::vector<StateBlock>& BasicNetwork<T>::state_blocks() const {
  return model_->state_blocks;
}
template <class T>
Index BasicNetwork<T>::state_size() const {
  return model_->state_offset.back();
}

template <class T>
std::span<T> BasicNetwork<T>::parameter(const std::string& name) {
  for (const Parameter& parameter : model_->parameters)
    if (parameter.name == name) return flat().subspan(std::size_t(parameter.offset), std::size_t(parameter.size));
  std::string known;
  for (const Parameter& parameter : model_->parameters) known += (known.empty() ? "" : ", ") + parameter.name;
  throw std::out_of_range("parameter: no parameter is named '" + name + "', expected one of " + known);
}

template class BasicNetwork<float>;
template class BasicNetwork<double>;

}  // namespace recurra
