// Which parameters of a network are one parameter, and which rest.
//
// Tied parameters keep a place each in the flat vector, all with equal values. The first of a group is the parameter, the others
// are copies: gradients are summed up at the first one's place, optimizers move that alone, and the copies follow it. So norms,
// clipping and what an optimizer remembers are those of the network with one parameter less.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "recurra/network.h"
#include "recurra/ranges.h"

namespace recurra {

class SharedParameters {
 public:
  using Names = std::vector<std::string>;
  using Range = recurra::Range;  // of the flat vector
  struct Copy {
    Index from, to, size;
    bool operator==(const Copy&) const = default;
  };

  // A group rests if one of its members does. Throws std::invalid_argument, which begins with "<function>: ", for names that no
  // parameter has or that are named twice, groups of one, and shapes that differ. Of `frozen` a beginning up to a dot, "0",
  // stands for all that begin so.
  explicit SharedParameters(const std::vector<Parameter>& parameters, std::vector<Names> tied = {}, const Names& frozen = {},
                            const std::string& function = "Network");

  // One group more; the groups that its members are in become part of it.
  SharedParameters tie(const std::vector<Parameter>& parameters, const Names& names) const;
  SharedParameters freeze(const std::vector<Parameter>& parameters, const Names& names,
                          const std::string& function = "freeze") const;
  SharedParameters unfreeze(const std::vector<Parameter>& parameters, const Names& names) const;

  const std::vector<Names>& tied() const { return tied_; }          // by the place of the first in each
  Names group_of(const std::string& name) const;                    // itself alone if it is not tied
  const Names& frozen() const { return frozen_; }                   // in the order of their places
  const std::vector<Range>& learning() const { return learning_; }  // neither copies nor at rest
  const std::vector<Copy>& copies() const { return copies_; }

  // A gradient by all places becomes that of the network: sums at the first of a group, 0 at the others and where parameters
  // rest.
  template <class T>
  void fold(std::span<T> gradient) const;
  // The same for a gradient that is 0 outside of `ranges`, which are as the other one gives them.
  template <class T>
  void fold(std::span<T> gradient, std::span<const Range> ranges) const;
  // Where a gradient by all places is, and where it comes to lie.
  Ranges fold(const Ranges& ranges) const;
  // The copies take the values of the first. Callers may come at the same time: nothing is written where all is equal.
  template <class T>
  void share(std::span<T> flat) const;

  bool operator==(const SharedParameters&) const = default;

 private:
  std::vector<Names> tied_;
  Names frozen_;
  std::vector<Copy> copies_;
  std::vector<Range> resting_, learning_;
};

}  // namespace recurra
