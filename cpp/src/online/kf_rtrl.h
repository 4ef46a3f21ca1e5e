// A cell layer learned by KF-RTRL: J is approximated by a Kronecker product u (x) A, where u stands for what the parameters
// multiply, z = [x, what R multiplies, 1], and A for how the states depend on the products. J <- D J + I becomes
//   u <- c1 p0 u + c2 p1 z,  A <- c1 D A / p0 + c2 E / p1,  p0 = sqrt(|D A| / |u|),  p1 = sqrt(|E| / |z|)
// with random signs c1, c2, of which the mean over the cross terms is 0.
#pragma once

#include "layer_learner.h"
#include "unit_derivatives.h"

namespace recurra {

struct KfOptions {
  std::uint64_t key;  // of the signs, apart for each row and layer
  double leak, guard;
};

template <class T>
class KfLearner final : public LayerLearner<T> {
 public:
  KfLearner(const CellLayer<T>& layer, const KfOptions& options);

  void reset() override;
  bool step(const LayerStep<T>&, T* gradient) override;
  void forget() override;
  bool influence(Index, Index, T*) override { return false; }
  void save(OnlineFile<T>& file, const std::string& prefix) const override;
  void load(const OnlineFile<T>& file, const std::string& prefix) override;

  // The columns of A: gates, unit parameters and learned initial states, of all units.
  static Index columns(const CellLayout& layout);
  // The length of z.
  static Index width(const CellLayout& layout) { return layout.input_size + layout.feed_width + 1; }

 private:
  void add_gradient(const LayerStep<T>&, T* gradient);
  void advance(const LayerStep<T>&);

  const CellLayer<T>& layer_;
  KfOptions options_;
  UnitDerivatives<T> units_;
  std::vector<UnitParameters> parameters_;
  Index columns_, states_;
  Schedule schedule_;
  std::unique_ptr<Tape<T>> tape_;  // with a tangent for each column of A
  std::vector<T> x_, z_, u_, a_;   // a_: [columns][carried states], A transposed
  std::vector<T> carried_, weight_, scratch_;
  std::int64_t steps_ = 0;
};

}  // namespace recurra
