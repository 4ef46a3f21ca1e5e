#include "state_map.h"

namespace recurra {

namespace {

// One state, or that of both directions.
struct Joined {
  std::string key, name;
  std::vector<StateCopy> parts;  // `to` within it
  Index width = 0;
};

std::vector<Joined> join(const std::vector<StateSpec>& states) {
  std::vector<Joined> all;
  Index from = 0;
  for (const StateSpec& state : states) {
    std::string key = state.name;
    for (const std::string direction : {"forward.", "reverse."})
      if (const std::size_t at = key.find(direction); at != std::string::npos) key.erase(at, direction.size());
    auto found = all.begin();
    while (found != all.end() && found->key != key) ++found;
    if (found == all.end()) found = all.insert(found, {key, key.substr(key.rfind('.') + 1), {}});
    found->parts.push_back({from, found->width, state.width});
    found->width += state.width;
    from += state.width;
  }
  return all;
}

}  // namespace

std::vector<StateCopy> match_states(const std::vector<StateSpec>& encoder, const std::vector<StateSpec>& decoder) {
  const std::vector<Joined> from = join(encoder), to = join(decoder);
  std::vector<StateCopy> copies;
  if (from.size() != to.size()) return {};
  Index begin = 0;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (from[i].name != to[i].name || from[i].width != to[i].width || to[i].parts.size() != 1) return {};
    for (const StateCopy& part : from[i].parts) copies.push_back({part.from, begin + part.to, part.width});
    begin += to[i].width;
  }
  return copies;
}

std::string describe_states(const std::vector<StateSpec>& states) {
  std::string text;
  for (const StateSpec& state : states) text += (text.empty() ? "" : ", ") + state.name + " of " + std::to_string(state.width);
  return text.empty() ? "no states" : text;
}

Index total_width(const std::vector<StateSpec>& states) {
  Index width = 0;
  for (const StateSpec& state : states) width += state.width;
  return width;
}

}  // namespace recurra
