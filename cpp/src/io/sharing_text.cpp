#include "sharing_text.h"

#include <stdexcept>

#include "error_text.h"

namespace recurra {

namespace {

using Names = SharedParameters::Names;

std::string joined(const Names& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

Names split(const std::string& text, const std::string& between) {
  Names parts;
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find(between, begin)) != text.npos; begin = end + between.size())
    parts.push_back(text.substr(begin, end - begin));
  if (!text.empty()) parts.push_back(text.substr(begin));
  return parts;
}

void check_same(const char* key, const std::string& got, const std::string& expected) {
  if (got != expected)
    throw std::invalid_argument("metadata '" + std::string(key) + "' is " + quote(got) + ", expected " + quote(expected));
}

}  // namespace

std::string tied_text(const SharedParameters& shared) {
  Names groups;
  for (const Names& group : shared.tied()) groups.push_back(joined(group, " = "));
  return joined(groups, ", ");
}

std::string frozen_text(const SharedParameters& shared) { return joined(shared.frozen(), ", "); }

SharedParameters sharing_from_text(const std::vector<Parameter>& parameters, const std::string& tied, const std::string& frozen) {
  std::vector<Names> groups;
  for (const std::string& group : split(tied, ", ")) groups.push_back(split(group, " = "));
  const SharedParameters tied_alone(parameters, std::move(groups), {}, "metadata 'tied'");
  SharedParameters shared = tied_alone.freeze(parameters, split(frozen, ", "), "metadata 'frozen'");
  check_same("tied", tied, tied_text(shared));
  check_same("frozen", frozen, frozen_text(shared));
  return shared;
}

}  // namespace recurra
