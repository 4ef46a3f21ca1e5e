// Unbiased online recurrent optimization (C. Tallec, Y. Ollivier, ICLR 2018): the influence J of the parameters on the state is
// estimated by an outer product s th^T.
//
//   s <- rho0 D s + rho1 nu,   th <- th / rho0 + nu^T I / rho1,   g = (the step's own) + (cotangent of the state before) s th^T
//
// with D and I the derivatives of a step by the state before and by the parameters, and nu random signs. The expectation is
// D s th^T + I, for the signs are independent; the rhos make both factors of each term equally large, which makes the variance
// least. A leak multiplies D.
#pragma once

#include "row_rule.h"

namespace recurra {

template <class T>
class UoroRow final : public RowRule<T> {
 public:
  // What a step is worked out in; rows take turns.
  struct Scratch {
    explicit Scratch(const Model<T>& model)
        : signs(std::size_t(model.state_offset.back())),
          carried(signs.size()),
          immediate(std::size_t(model.parameter_offset.back())) {}
    std::vector<T> signs, carried, immediate;  // nu, D s, nu^T I
  };

  // `key`: another one for other random signs.
  UoroRow(const Model<T>& model, const WeightHistory<T>& history, double leak, double guard, std::uint64_t key,
          std::shared_ptr<Scratch> scratch);

  void reset() override;
  bool gradient(T* to) override;
  bool settle(T* to, bool now) override;
  void forget() override;
  void influence(Index offset, Index size, T* to) override;
  void save(OnlineFile<T>& file, const std::string& prefix) const override;
  void load(const OnlineFile<T>& file, const std::string& prefix) override;

 private:
  void clear();
  void draw_signs();
  // Joins what is carried over and what is immediate.
  void join();

  double leak_, guard_;
  std::uint64_t key_;
  std::shared_ptr<Scratch> scratch_;
  std::vector<T> state_factor_, parameter_factor_;  // s and th
  std::int64_t draws_ = 0;                          // of signs, so far
  std::vector<T> cotangent_;
  bool learns_start_ = false;
};

}  // namespace recurra
