// The file of an online learner: a model file with the learner's vectors and numbers, by name.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "recurra/network.h"

namespace recurra {

template <class T>
class OnlineFile {
 public:
  // The most that anything can have been counted to, so that counters can go on.
  static constexpr std::int64_t most_count = std::int64_t(1) << 62;

  // `settings`: what the learner was made with.
  explicit OnlineFile(std::string settings) : settings_(std::move(settings)) {}
  // Throws std::runtime_error for a file that is damaged, no learner's, or of other settings or another network.
  static OnlineFile read(const std::string& path, const std::string& settings, const BasicNetwork<T>& network);
  // Throws std::system_error.
  void write(const std::string& path, const BasicNetwork<T>& network) const;

  void put(const std::string& name, std::span<const T> values) { vectors_[name].assign(values.begin(), values.end()); }
  void put(const std::string& name, std::int64_t value) { numbers_[name] = value; }
  // Throw std::runtime_error if it is missing, or not as long or large as expected, or has a NaN.
  std::span<const T> vector(const std::string& name, std::size_t size) const;
  void copy(const std::string& name, std::span<T> to) const;
  std::int64_t number(const std::string& name, std::int64_t least = 0, std::int64_t most = most_count / 2) const;
  // The network's.
  const std::vector<T>& parameters() const { return parameters_; }
  // Throws std::runtime_error if there is something that nobody has asked for.
  void check_all_read() const;
  // Throws the std::runtime_error of a file that cannot be used, for it...
  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::string settings_, path_;
  std::vector<T> parameters_;
  std::map<std::string, std::vector<T>> vectors_;
  std::map<std::string, std::int64_t> numbers_;
  mutable std::set<std::string> unread_;
};

}  // namespace recurra
