// Whole batches: split over threads, swept window by window; gradients are added in the order of the shards.
#include "recurra/runner.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <stdexcept>

#include "bptt.h"
#include "checks.h"
#include "recurra/isa.h"
#include "threads.h"

namespace recurra {

template <class T>
struct BasicRunner<T>::Impl {
  struct Shard {
    explicit Shard(const Model<T>& model) : workspace(model) {}
    Workspace<T> workspace;
    std::vector<T> gradient;
    std::vector<Index> rows;
    double loss = 0;
  };
  // One pass over one window: what each shard does.
  struct Pass {
    const Sequences<T>& x;
    Window window;
    BasicState<T>* state;
    const TrainingOptions& options;
    T* y = nullptr;                     // forward: where outputs go
    const Target<T>* target = nullptr;  // else
    Loss loss = Loss::mse;
    double scale = 0;
    T* gradient = nullptr;
  };

  explicit Impl(const BasicNetwork<T>& source) : network(source), model(*source.model()), weights(model) {}

  // Enough work for each thread to be worth waking.
  int num_shards(const Sequences<T>& x) const {
    constexpr double worthwhile = 2e5;  // multiply-adds
    const double work = double(x.batch) * double(x.time) * double(network.flat().size() + 1);
    const Index most = std::min<Index>({x.batch, num_threads(), Index(work / worthwhile) + 1});
    return int(std::max<Index>(most, 1));
  }

  void begin(const std::string& function, const Sequences<T>& x, const BasicState<T>* state) {
    check_batch(function, x);
    if (state) state->check(function, model.state_blocks, x.batch);
    weights.refresh(model, network.flat().data());
    const int parts = num_shards(x);
    while (int(shards.size()) < parts) shards.push_back(std::make_unique<Shard>(model));
    auto rows = split_rows(x, parts);
    used = parts;
    for (int i = 0; i < parts; ++i) shards[std::size_t(i)]->rows = std::move(rows[std::size_t(i)]);
  }

  void run_shard(Shard& shard, const Pass& pass, const Interrupt& interrupt) const {
    Workspace<T>& workspace = shard.workspace;
    const bool backwards = pass.gradient != nullptr;
    workspace.prepare(Schedule::sequences(window_lengths(pass.x, shard.rows, pass.window)), backwards);
    const std::uint64_t key = pass.options.noise + std::uint64_t(pass.window.begin) * 0x9e3779b97f4a7c15u;
    workspace.set_noise({pass.options.training, key, shard.rows.data()});
    for (std::size_t i = 0; i < shard.rows.size(); ++i)
      if (pass.state)
        workspace.load_state(Index(i), pass.state->row(shard.rows[i]).data());
      else
        workspace.reset(Index(i));
    gather_input(pass.x, shard.rows, pass.window, workspace);
    const Levels levels = workspace.schedule().all_levels();
    recurra::forward(weights, workspace, levels, interrupt);
    if (pass.y) scatter_output(workspace, pass.x, shard.rows, pass.y);
    if (pass.target) {
      if (backwards) clear_cotangents(workspace);
      shard.loss = shard_loss(workspace, pass.x, shard.rows, pass.window, *pass.target, pass.loss, pass.scale, backwards);
    }
    if (backwards) {
      shard.gradient.assign(network.flat().size(), T(0));
      backward(weights, workspace, levels, interrupt);
      gradient(workspace, levels, {shard.gradient.data()});
    }
  }

  // Nothing of the caller's but y changes until every shard has succeeded.
  double run(const Pass& pass) {
    std::atomic<bool> stop{false};
    const auto part = [&](int i) {
      const Interrupt interrupt = [&, i] {
        if (i == 0 && pass.options.interrupt && pass.options.interrupt()) stop = true;
        return stop.load();
      };
      run_shard(*shards[std::size_t(i)], pass, interrupt);
    };
    try {
      run_parts(used, part);
    } catch (const Interrupted&) {
      throw InterruptedBatch{};
    }
    double loss = 0;
    for (int i = 0; i < used; ++i) loss += shards[std::size_t(i)]->loss;
    if (pass.target && !std::isfinite(loss))
      throw std::overflow_error("the loss is " + std::to_string(loss) + ", expected a finite value; lower the learning rate or clip");
    for (int i = 0; i < used; ++i) {
      Shard& shard = *shards[std::size_t(i)];
      if (pass.gradient)
        for (std::size_t j = 0; j < shard.gradient.size(); ++j) pass.gradient[j] += shard.gradient[j];
      if (pass.state)
        for (std::size_t row = 0; row < shard.rows.size(); ++row)
          shard.workspace.save_state(shard.workspace.schedule().length(Index(row)), Index(row), pass.state->row(shard.rows[row]).data());
    }
    return loss;
  }

  const BasicNetwork<T>& network;
  const Model<T>& model;
  ModelWeights<T> weights;
  std::vector<std::unique_ptr<Shard>> shards;
  int used = 0;
};

template <class T>
BasicRunner<T>::BasicRunner(const BasicNetwork<T>& network) : impl_(std::make_unique<Impl>(network)) {}
template <class T>
BasicRunner<T>::~BasicRunner() = default;
template <class T>
BasicRunner<T>::BasicRunner(BasicRunner&&) noexcept = default;

template <class T>
void BasicRunner<T>::forward(const Sequences<T>& x, T* y, BasicState<T>* state, const TrainingOptions& options) {
  impl_->begin("forward", x, state);
  impl_->run({x, {0, x.time}, state, options, y});
}

template <class T>
double BasicRunner<T>::window_gradient(const Sequences<T>& x, const Target<T>& target, Loss loss, Window window, T* gradient,
                                       BasicState<T>* state, const TrainingOptions& options) {
  impl_->begin("loss_and_gradient", x, state);
  const Index valid = count_valid(impl_->model, x, window);
  if (valid == 0) return 0;
  return impl_->run({x, window, state, options, nullptr, &target, loss, 1 / double(valid), gradient});
}

template <class T>
double BasicRunner<T>::loss_and_gradient(const Sequences<T>& x, const Target<T>& target, Loss loss, T* gradient,
                                         BasicState<T>* state, const TrainingOptions& options) {
  if (options.window < 0)
    throw std::invalid_argument("loss_and_gradient: window is " + std::to_string(options.window) + ", expected at least 1");
  impl_->begin("loss_and_gradient", x, state);
  const Index window = options.window > 0 ? options.window : x.time;
  if (window < x.time && impl_->model.pools())
    throw std::invalid_argument("loss_and_gradient: a window cuts the time axis, but the network pools over it");
  const Index valid = count_valid(impl_->model, x, {0, x.time});
  if (valid == 0) return 0;
  if (window >= x.time) return impl_->run({x, {0, x.time}, state, options, nullptr, &target, loss, 1 / double(valid), gradient});
  BasicState<T> carried = state ? *state : BasicState<T>(impl_->network, x.batch);
  std::vector<T> sum(impl_->network.flat().size(), T(0));
  double total = 0;
  for (Index begin = 0; begin < x.time; begin += window)
    total += impl_->run({x, {begin, std::min(begin + window, x.time)}, &carried, options, nullptr, &target, loss,
                         1 / double(valid), sum.data()});
  for (std::size_t j = 0; j < sum.size(); ++j) gradient[j] += sum[j];
  if (state) *state = carried;
  return total;
}

template <class T>
double BasicRunner<T>::loss(const Sequences<T>& x, const Target<T>& target, Loss loss, BasicState<T>* state) {
  impl_->begin("loss", x, state);
  const Index valid = count_valid(impl_->model, x, {0, x.time});
  if (valid == 0) return 0;
  return impl_->run({x, {0, x.time}, state, {}, nullptr, &target, loss, 1 / double(valid)});
}

template class BasicRunner<float>;
template class BasicRunner<double>;

}  // namespace recurra
