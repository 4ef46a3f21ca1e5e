// Changes valid files: by their structure (keys, values, shapes, offsets, layers) and blindly.
#pragma once

#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "json.h"

namespace fuzz {

// A valid file, taken apart.
struct Draft {
  Json header, architecture;
  std::string data;
};

class Mutator {
 public:
  // The changes depend on the seed and nothing else.
  Mutator(const std::vector<std::string>& seeds, std::uint64_t seed) : seeds_(seeds), random_(seed) {}

  // A changed file, as bytes.
  std::string wrong();
  // A file written in another way that describes the same network as `original`.
  std::string same(std::string& original);

 private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
  template <class List>
  auto& any(List& list) {
    return list[below(std::size(list))];
  }

  void change(Draft& draft);
  void change_tree(Json& tree);
  void change_tensor(Draft& draft);
  void change_offsets(Draft& draft);
  void change_layers(Draft& draft);
  void change_metadata(Draft& draft);
  void change_blindly(std::string& bytes, std::size_t begin);

  Json* tensor(Draft& draft);
  Json odd_value();
  std::string odd_number();
  void shuffle(Json& object);
  void rewrite(Json& json);
  std::string spaced(const Json& json);

  const std::vector<std::string>& seeds_;
  std::mt19937_64 random_;
};

// The pieces of a valid file, and back.
Draft take_apart(const std::string& bytes);
std::string assemble(const std::string& header, const std::string& data);

}  // namespace fuzz
