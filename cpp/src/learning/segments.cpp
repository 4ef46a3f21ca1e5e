#include "segments.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "../math/random.h"
#include "segment_pooling.h"

namespace recurra {

Index segment_length(Index steps, Index asked) {
  if (asked == 0) return 0;
  const Index length = asked > 0 ? asked : Index(std::ceil(std::sqrt(double(steps))));
  return length < steps ? length : 0;
}

template <class T>
Index segment_length(const Model<T>& model, const Pass<T>& pass, Index rows) {
  constexpr Index steps_at_least = 8;
  const Index steps = pass.window.end - pass.window.begin;
  if (pass.gradient) return segment_length(steps, pass.options.segment);
  if (pass.x.topology || model.looks_ahead()) return 0;
  // A state that is large beside the work of a step, as a long delay's, is not moved so often.
  const Index state_steps = 4 * model.state_offset.back() / std::max<Index>(model.parameter_offset.back(), 1);
  return segment_length(steps, std::max({forward_nodes / std::max<Index>(rows, 1), steps_at_least, state_steps}));
}

namespace {

// One shard's pass.
template <class T>
class Run {
 public:
  Run(const ModelWeights<T>& weights, Shard<T>& shard, const Pass<T>& pass, Index length, const Interrupt& interrupt)
      : weights_(weights),
        shard_(shard),
        pass_(pass),
        workspace_(shard.workspace),
        model_(workspace_.model()),
        interrupt_(interrupt),
        length_(length),
        rows_(Index(shard.rows.size())),
        size_(model_.state_offset.back()) {
    const Index longest = rows_ > 0 ? window_length(pass.x, shard.rows.front(), pass.window) : 0;  // they come longest first
    segments_ = std::max<Index>((longest + length - 1) / length, 1);
    states_.resize(std::size_t((pass.gradient ? segments_ + 1 : 1) * rows_ * size_));
    for (Index i = 0; i < rows_; ++i) std::copy_n(first_state(weights, shard, pass, i), size_, state(0, i));
    if (model_.pools()) pooling_.emplace(model_, rows_);
  }

  void forward() {
    for (Index s = 0; s < segments_; ++s) {
      forward(s, pass_.gradient && s + 1 == segments_);
      for (Index i = 0; i < rows_; ++i) workspace_.save_state(workspace_.schedule().length(i), i, state(s + 1, i));
      if (pooling_) pooling_->collect(workspace_, s);
      if (!pooling_ && !pass_.gradient) take_outputs(part(s, false));
    }
    shard_.last_state.assign(state(segments_, 0), state(segments_, 0) + rows_ * size_);
    if (pooling_) run_pooled();
  }

  // After that.
  void backward() {
    std::vector<T> cotangents(std::size_t(rows_ * size_));
    for (Index s = segments_; s-- > 0;) {
      if (s + 1 < segments_) forward(s, true);
      clear_cotangents(workspace_);
      if (pooling_)
        pooling_->give_cotangents(workspace_, s, state(segments_, 0));
      else
        shard_.loss += output_loss(weights_, shard_, part(s, true));
      const Levels levels = workspace_.schedule().all_levels();
      for_each_layer([&](const Layer<T>& layer, Tape<T>& tape, Index sequence, Index offset) {
        layer.add_cotangent(tape, workspace_.schedule().length(sequence), sequence, 0, cotangents.data() + offset);
      });
      recurra::backward(weights_, workspace_, levels, interrupt_, Swept::over_time);
      gradient(workspace_, levels, {shard_.gradient.data()}, Swept::over_time);
      for_each_layer([&](const Layer<T>& layer, Tape<T>& tape, Index sequence, Index offset) {
        layer.save_cotangent(tape, 0, sequence, 0, cotangents.data() + offset);
      });
    }
    if (!pass_.state) initial_gradient(workspace_, {shard_.gradient.data()});
  }

 private:
  Pass<T> part(Index segment, bool gradient) const {
    Pass<T> pass = pass_;
    pass.before = segment * length_;
    pass.window.begin = pass_.window.begin + pass.before;
    if (segment + 1 < segments_) pass.window.end = pass.window.begin + length_;  // the last one's outputs go on to the end
    pass.gradient = gradient;
    return pass;
  }

  void take_outputs(const Pass<T>& pass) {
    if (pass.y) scatter_output(workspace_, pass.x, shard_.output_rows, shard_.output_steps, pass.window, pass.y);
    if (pass.target) shard_.loss += output_loss(weights_, shard_, pass);
  }

  // Before a segment, or after the last one; without a gradient there is one place for all.
  T* state(Index segment, Index row) { return states_.data() + ((pass_.gradient ? segment : 0) * rows_ + row) * size_; }

  // `backward`: it will go back, too.
  void forward(Index segment, bool backward) {
    begin_shard(shard_, part(segment, backward));
    for (Index i = 0; i < rows_; ++i) workspace_.load_state(i, state(segment, i));
    recurra::forward(weights_, workspace_, workspace_.schedule().all_levels(), interrupt_, Swept::over_time);
  }

  // What lies behind the pooling, once, as if the window had never been cut.
  void run_pooled() {
    workspace_.set_noise(
        {pass_.options.training, mix(pass_.options.noise, std::uint64_t(pass_.window.begin)), shard_.rows.data()});
    pooling_->give_outputs(workspace_);
    recurra::forward(weights_, workspace_, {1, 2}, interrupt_, Swept::pooled);
    if (pass_.gradient) clear_cotangents(workspace_);
    take_outputs(pass_);
    if (!pass_.gradient) return;
    recurra::backward(weights_, workspace_, {1, 2}, interrupt_, Swept::pooled);
    gradient(workspace_, {1, 2}, {shard_.gradient.data()}, Swept::pooled);
    pooling_->take_cotangents(workspace_);
  }

  // Calls visit(layer, tape, sequence, where its state begins in [rows][state size]).
  template <class Visit>
  void for_each_layer(const Visit& visit) {
    for (std::size_t k = 0; k < model_.layers.size(); ++k)
      for (Index i = 0; i < rows_; ++i) visit(*model_.layers[k], workspace_.tape(k), i, i * size_ + model_.state_offset[k]);
  }

  const ModelWeights<T>& weights_;
  Shard<T>& shard_;
  const Pass<T>& pass_;
  Workspace<T>& workspace_;
  const Model<T>& model_;
  const Interrupt& interrupt_;
  Index length_, rows_, size_, segments_ = 0;
  std::vector<T> states_;  // [segments + 1][rows][state size]
  std::optional<SegmentPooling<T>> pooling_;
};

}  // namespace

template <class T>
void run_segments(const ModelWeights<T>& weights, Shard<T>& shard, const Pass<T>& pass, Index length,
                  const Interrupt& interrupt) {
  Run<T> run(weights, shard, pass, length, interrupt);
  run.forward();
  if (pass.gradient) run.backward();
}

#define RECURRA_INSTANTIATE(T)                                           \
  template Index segment_length(const Model<T>&, const Pass<T>&, Index); \
  template void run_segments(const ModelWeights<T>&, Shard<T>&, const Pass<T>&, Index, const Interrupt&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
