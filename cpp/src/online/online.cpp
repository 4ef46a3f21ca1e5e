// The public face of a learner.
#include "recurra/online.h"

#include <algorithm>
#include <stdexcept>

#include "../learning/finite.h"
#include "../math/flush_to_zero.h"
#include "learner.h"
#include "online_options.h"

namespace recurra {

template <class T>
struct BasicOnline<T>::Impl : Learner<T> {
  using Learner<T>::Learner;
};

template <class T>
BasicOnline<T>::BasicOnline(BasicNetwork<T>& network, const OnlineOptions& options)
    : impl_(std::make_unique<Impl>(network, options)) {}
template <class T>
BasicOnline<T>::~BasicOnline() = default;
template <class T>
BasicOnline<T>::BasicOnline(BasicOnline&&) noexcept = default;

template <class T>
OnlineReport BasicOnline<T>::plan(const BasicNetwork<T>& network, const OnlineOptions& options) {
  return checked_plan(network, options).report;
}

template <class T>
Index BasicOnline<T>::batch() const {
  return impl_->options.batch;
}
template <class T>
Index BasicOnline<T>::input_size() const {
  return impl_->model.input_size;
}
template <class T>
Index BasicOnline<T>::output_size() const {
  return impl_->model.output_size;
}
template <class T>
Index BasicOnline<T>::teacher_size() const {
  return impl_->model.teacher_size();
}

template <class T>
void BasicOnline<T>::predict(std::span<const T> x, std::span<T> y) {
  const FlushToZero flush;
  impl_->check_size("predict", "y", y.size(), output_size());
  impl_->look("predict", x, {});
  for (Index row = 0; row < batch(); ++row)
    std::copy_n(impl_->outputs[std::size_t(row)], output_size(), y.begin() + row * output_size());
}

template <class T>
double BasicOnline<T>::step(std::span<const T> x, std::span<T> y, const Target<T>& target, std::span<const T> weights,
                            std::span<const T> teacher) {
  const FlushToZero flush;
  if (!y.empty()) impl_->check_size("step", "y", y.size(), output_size());
  if (!weights.empty()) impl_->check_size("step", "weights", weights.size(), 1);
  const bool targeted = target.values || target.classes;
  impl_->look("step", x, teacher);
  const double loss = targeted ? impl_->judge(target, weights) : 0;
  for (Index row = 0; !y.empty() && row < batch(); ++row)
    std::copy_n(impl_->outputs[std::size_t(row)], output_size(), y.begin() + row * output_size());
  impl_->made(targeted);
  return loss;
}

template <class T>
void BasicOnline<T>::reset() {
  const FlushToZero flush;
  for (const auto& rule : impl_->rules) impl_->reset(*rule);
}

template <class T>
void BasicOnline<T>::reset(Index row) {
  if (row < 0 || row >= batch())
    throw std::out_of_range("reset: row is " + std::to_string(row) + ", expected 0 .. " + std::to_string(batch() - 1));
  const FlushToZero flush;
  impl_->reset(*impl_->rules[std::size_t(row)]);
}

template <class T>
std::span<const T> BasicOnline<T>::gradient() const {
  return impl_->latest;
}

template <class T>
std::vector<T> BasicOnline<T>::influence(const std::string& name) {
  const auto& all = impl_->model.parameters;
  const auto found = std::ranges::find(all, name, &Parameter::name);
  if (found == all.end()) throw std::out_of_range("influence: the network has no parameter '" + name + "'");
  const FlushToZero flush;
  const Index states = impl_->model.state_offset.back();
  const Index size = found->size;
  std::vector<T> result(std::size_t(batch() * states * size)), part(std::size_t(states * size));
  for (const std::string& one : impl_->shared.group_of(name))  // what is tied is one parameter
    for (Index row = 0; row < batch(); ++row) {
      impl_->rules[std::size_t(row)]->influence(std::ranges::find(all, one, &Parameter::name)->offset, size, part.data());
      std::transform(part.begin(), part.end(), result.begin() + row * states * size, result.begin() + row * states * size,
                     std::plus<T>());
    }
  return result;
}

template <class T>
BasicState<T> BasicOnline<T>::state() const {
  BasicState<T> state(impl_->network, batch());
  for (Index row = 0; row < batch(); ++row) impl_->rules[std::size_t(row)]->save_state(state.row(row).data());
  return state;
}

template <class T>
OnlineReport BasicOnline<T>::report() const {
  return impl_->report;
}

template <class T>
void BasicOnline<T>::reload() {
  Impl& s = *impl_;
  if (s.network.layers() != s.model.specs)
    throw std::invalid_argument("reload: the network has other layers now, expected those the learner was made with");
  s.check_shared("reload");
  if (!all_finite(s.network.flat().data(), Index(s.network.flat().size())))
    throw std::invalid_argument("reload: the network has parameters that are not finite");
  const FlushToZero flush;
  for (const auto& rule : s.rules) s.guarded(*rule, rule->gradient(s.sum.data()) && rule->settle(s.sum.data(), true));
  s.history.update(s.network.flat().data());
}

template <class T>
void BasicOnline<T>::save(const std::string& path) const {
  const Impl& s = *impl_;
  s.check_shared("save");
  OnlineFile<T> file(describe(s.options));
  s.save(file);
  file.write(path, s.network);
}

template <class T>
void BasicOnline<T>::load(const std::string& path) {
  Impl& s = *impl_;
  s.check_shared("load");
  const OnlineFile<T> file = OnlineFile<T>::read(path, describe(s.options), s.network);
  const FlushToZero flush;
  BasicNetwork<T> network(s.network.layers(), file.parameters(), s.network.tied(), s.network.frozen());
  Impl(network, s.options).load(file);  // first aside, so that an error leaves the learner as it was
  file.check_all_read();
  std::copy(network.flat().begin(), network.flat().end(), s.network.flat().begin());
  s.load(file);
}

#define RECURRA_INSTANTIATE(T) template class BasicOnline<T>;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
