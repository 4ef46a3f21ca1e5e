#include "shared_parameters.h"

#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <utility>
#include "ranges.h"

namespace recurra {

namespace {

using Names = SharedParameters::Names;
using Parameters = std::vector<Parameter>;

std::string text_of(const std::vector<Index>& shape) {
  std::string text;
  for (const Index extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "(" + text + ")";
}

[[noreturn]] void refuse_name(const std::string& function, const std::string& name) {
  throw std::invalid_argument(function + ": the network has no parameter '" + name + "'");
}

// All parameters that these names and beginnings stand for.
std::set<std::string> expand(const Parameters& parameters, const Names& names, const std::string& function) {
  std::set<std::string> known, result;
  for (const Parameter& p : parameters) known.insert(p.name);
  for (const std::string& name : names) {
    if (known.contains(name)) {
      result.insert(name);
      continue;
    }
    const std::string beginning = name + ".";
    auto at = known.lower_bound(beginning);
    if (at == known.end() || !at->starts_with(beginning)) refuse_name(function, name);
    for (; at != known.end() && at->starts_with(beginning); ++at) result.insert(*at);
  }
  return result;
}

// And those that they are tied to.
void add_groups(const std::vector<Names>& tied, std::set<std::string>& names) {
  for (const Names& group : tied)
    if (std::ranges::any_of(group, [&](const std::string& name) { return names.contains(name); }))
      names.insert(group.begin(), group.end());
}

// One caller at a time brings copies up to date. A process that forks holds the lock itself, so that no child is born with a
// lock whose holder it does not have.
std::mutex& sharing() {
  static std::mutex mutex;
  static const int registered = pthread_atfork([] { mutex.lock(); }, [] { mutex.unlock(); }, [] { mutex.unlock(); });
  static_cast<void>(registered);
  return mutex;
}

}  // namespace

SharedParameters::SharedParameters(const Parameters& parameters, std::vector<Names> tied, const Names& frozen,
                                   const std::string& function)
    : tied_(std::move(tied)) {
  std::map<std::string, const Parameter*> known;
  for (const Parameter& p : parameters) known[p.name] = &p;
  std::set<std::string> copies, grouped;
  for (const Names& group : tied_) {
    if (group.size() < 2)
      throw std::invalid_argument(function + ": got " + std::to_string(group.size()) + " parameters to tie, expected at least 2");
    for (const std::string& name : group) {
      if (!known.contains(name)) refuse_name(function, name);
      if (!grouped.insert(name).second)
        throw std::invalid_argument(function + ": '" + name + "' is named twice, expected different parameters");
      const Parameter &first = *known[group.front()], &p = *known[name];
      if (p.shape != first.shape)
        throw std::invalid_argument(function + ": '" + name + "' has shape " + text_of(p.shape) + ", expected " +
                                    text_of(first.shape) + " as '" + first.name + "' has");
      if (&p == &first) continue;
      copies.insert(name);
      copies_.push_back({first.offset, p.offset, p.size});
    }
  }
  for (Names& group : tied_)  // whose copies have no order of their own
    std::sort(group.begin() + 1, group.end(),
              [&](const std::string& a, const std::string& b) { return known[a]->offset < known[b]->offset; });
  std::ranges::sort(tied_, {}, [&](const Names& group) { return known[group.front()]->offset; });
  std::ranges::sort(copies_, {}, &Copy::to);
  std::set<std::string> resting = expand(parameters, frozen, function);
  add_groups(tied_, resting);
  for (const Parameter& p : parameters) {
    if (resting.contains(p.name)) {
      frozen_.push_back(p.name);
      resting_.push_back({p.offset, p.offset + p.size});
    } else if (!copies.contains(p.name)) {
      if (!learning_.empty() && learning_.back().end == p.offset)
        learning_.back().end += p.size;
      else
        learning_.push_back({p.offset, p.offset + p.size});
    }
  }
}

SharedParameters SharedParameters::tie(const Parameters& parameters, const Names& names) const {
  SharedParameters(parameters, {names}, {}, "tie");  // refuses names and shapes that do not fit
  Names group;
  std::vector<Names> all;
  std::vector<char> merged(tied_.size());
  for (const std::string& name : names) {
    const auto old = std::ranges::find_if(tied_, [&](const Names& g) { return std::ranges::find(g, name) != g.end(); });
    if (old == tied_.end())
      group.push_back(name);
    else if (!std::exchange(merged[std::size_t(old - tied_.begin())], true))
      group.insert(group.end(), old->begin(), old->end());
  }
  for (std::size_t i = 0; i < tied_.size(); ++i)
    if (!merged[i]) all.push_back(tied_[i]);
  all.push_back(std::move(group));
  return SharedParameters(parameters, std::move(all), frozen_, "tie");
}

SharedParameters SharedParameters::freeze(const Parameters& parameters, const Names& names, const std::string& function) const {
  const std::set<std::string> more = expand(parameters, names, function);
  Names all = frozen_;
  all.insert(all.end(), more.begin(), more.end());
  return SharedParameters(parameters, tied_, all, function);
}

SharedParameters SharedParameters::unfreeze(const Parameters& parameters, const Names& names) const {
  std::set<std::string> fewer = expand(parameters, names, "unfreeze");
  add_groups(tied_, fewer);
  Names all;
  for (const std::string& name : frozen_)
    if (!fewer.contains(name)) all.push_back(name);
  return SharedParameters(parameters, tied_, all, "unfreeze");
}

Names SharedParameters::group_of(const std::string& name) const {
  for (const Names& group : tied_)
    if (std::ranges::find(group, name) != group.end()) return group;
  return {name};
}

template <class T>
void SharedParameters::fold(std::span<T> gradient) const {
  const Range whole{0, Index(gradient.size())};
  fold(gradient, std::span(&whole, 1));
}

template <class T>
void SharedParameters::fold(std::span<T> gradient, std::span<const Range> ranges) const {
  T* const g = gradient.data();
  for (const auto& [from, to, size] : copies_)
    for_each_common(ranges, {to, to + size}, [&, way = from - to](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) g[i + way] += std::exchange(g[i], T(0));
    });
  for (const Range& range : resting_)
    for_each_common(ranges, range, [&](Index begin, Index end) { std::fill(g + begin, g + end, T(0)); });
}

Ranges SharedParameters::fold(const Ranges& ranges) const {
  std::vector<Range> all = ranges;
  for (const auto& [from, to, size] : copies_)
    for_each_common(ranges, {to, to + size},
                    [&, way = from - to](Index begin, Index end) { all.push_back({begin + way, end + way}); });
  return united(std::move(all));
}

template <class T>
void SharedParameters::share(std::span<T> flat) const {
  if (copies_.empty()) return;
  const std::scoped_lock lock{sharing()};
  for (const auto& [from, to, size] : copies_)
    if (std::memcmp(flat.data() + to, flat.data() + from, std::size_t(size) * sizeof(T)) != 0)
      std::copy_n(flat.data() + from, size, flat.data() + to);
}

#define RECURRA_INSTANTIATE(T)                                                      \
  template void SharedParameters::fold(std::span<T>, std::span<const Range>) const; \
  template void SharedParameters::fold(std::span<T>) const;                         \
  template void SharedParameters::share(std::span<T>) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
