// Whole batches: split over threads, swept window by window; gradients are added in the order of the shards.
#include "recurra/runner.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <utility>

#include "../layers/row_team.h"
#include "../math/hash.h"
#include "../math/random.h"
#include "../network/shared_parameters.h"
#include "bptt.h"
#include "checks.h"
#include "class_samples.h"
#include "gradient_ranges.h"
#include "shards.h"
#include "threads.h"

namespace recurra {

namespace {
template <class T>
void fill_zeros(T* values, const Ranges& ranges) {
  for (const Range& range : ranges) std::fill(values + range.begin, values + range.end, T(0));
}
}  // namespace

template <class T>
struct BasicRunner<T>::Impl {
  explicit Impl(const BasicNetwork<T>& source) : network(source) { adopt(); }

  // Another model may have been assigned to the network: the scratch of the old one is of no use.
  void adopt() {
    shards.clear();
    model = network.model();
    weights.emplace(*model, nullptr, true);
    memory = step_memory(*model);
  }

  enum class Wanted { outputs, loss, gradient };
  // Of passes over at most this many steps, by the loss of samples if that is this one.
  void begin(const std::string& function, const Sequences<T>& x, Index steps, const BasicState<T>* state,
             const RunOptions& options, Wanted wanted, const Loss* sampled = nullptr) {
    if (network.model() != model) adopt();
    check_topology(function, *model, x, state != nullptr, options.window);
    check_batch(function, x);
    check_teaching(function, *model, x, options.sampling, wanted != Wanted::outputs);
    if (state) state->check(function, model->state_blocks, x.batch);
    const bool samples = sampled && sampled->kind() == Loss::sampled_softmax && model->scorer && model->scorer->takes_samples();
    weights->refresh(*model, network.flat().data(), samples);
    const bool learns = wanted == Wanted::gradient;
    const Split chosen = split(x, extent(x, std::clamp(steps, Index(0), x.time), learns ? options.segment : 0),
                               Index(network.flat().size()), memory, learns || model->looks_ahead());
    threads = chosen.threads;
    while (int(shards.size()) < threads) shards.push_back(std::make_unique<Shard<T>>(*model));
    parts = split_rows(x, chosen.parts);
    shares = chosen.team > 1;
    if (shares && !(team && team->size() == chosen.team && team->has_helpers())) team = std::make_unique<RowTeam>(chosen.team);
  }

  Index state_size() const { return model->state_offset.back(); }
  void keep_ends(const Shard<T>& shard, std::vector<T>& ends) const {
    ends.resize(shard.rows.size() * std::size_t(state_size()));
    for (std::size_t row = 0; row < shard.rows.size(); ++row)
      save_last_state(shard, Index(row), ends.data() + std::ptrdiff_t(row) * state_size());
  }

  // The shard's own, 0 everywhere and to be written there.
  static std::span<T> own_gradient(Shard<T>& shard, std::size_t size, const Ranges& where) {
    shard.own_gradient.resize(size);
    fill_zeros(shard.own_gradient.data(), shard.written);
    shard.written = where;
    return shard.own_gradient;
  }

  // Nothing of the caller's but y, and a gradient that is set, changes until every shard has succeeded.
  double run(Pass<T> pass, BasicState<T>* state, T* gradient = nullptr, Ranges* touched = nullptr) {
    const std::size_t size = std::size_t(model->parameter_offset.back());
    ClassSamples samples;
    if (const auto* sampled = pass.gradient ? std::get_if<SampledSoftmax>(&pass.loss->settings()) : nullptr) {
      samples = draw_classes(*sampled, model->output_size, mix(pass.options.noise, std::uint64_t(pass.window.begin)));
      pass.samples = &samples;
    }
    Ranges where;
    if (pass.gradient) where = network.shared()->fold(touched ? gradient_ranges(*model, pass) : Ranges{{0, Index(size)}});
    if (touched) {
      fill_zeros(gradient, *touched);
      *touched = where;
    }
    std::atomic<bool> stop{false};
    std::vector<std::vector<T>> ends(state ? parts.size() : 0);  // by part, the states of its rows
    const auto thread = [&](int t) {
      const Interrupt interrupt = [&, t] {
        if (t == 0 && pass.options.interrupt && pass.options.interrupt()) stop = true;
        return stop.load();
      };
      const RowTeam::Scope scope(shares ? team.get() : nullptr);
      Shard<T>& shard = *shards[std::size_t(t)];
      shard.loss = 0;
      if (pass.gradient) shard.gradient = t == 0 && touched ? std::span<T>(gradient, size) : own_gradient(shard, size, where);
      for (std::size_t i = std::size_t(t); i < parts.size(); i += std::size_t(threads)) {
        shard.rows = parts[i];
        run_shard(*weights, shard, pass, interrupt);
        if (state) keep_ends(shard, ends[i]);
      }
      if (pass.gradient) network.shared()->fold(shard.gradient, std::span<const Range>(where));
    };
    try {
      run_parts(threads, thread);
    } catch (const Interrupted&) {
      throw InterruptedBatch{};
    }
    double loss = 0;
    for (int t = 0; t < threads; ++t) loss += shards[std::size_t(t)]->loss;
    if (!std::isfinite(loss))
      throw std::overflow_error("the loss is " + std::to_string(loss) +
                                ", expected a finite value; lower the learning rate or clip");
    for (int t = 0; t < threads; ++t) {
      const T* const part = shards[std::size_t(t)]->gradient.data();
      if (!gradient || part == gradient) continue;
      for (const Range& range : where)
        for (Index j = range.begin; j < range.end; ++j) gradient[j] += part[j];
    }
    for (std::size_t i = 0; i < ends.size(); ++i)
      for (std::size_t row = 0; row < parts[i].size(); ++row)
        std::copy_n(ends[i].begin() + std::ptrdiff_t(row) * state_size(), state_size(), state->row(parts[i][row]).data());
    return loss;
  }

  const BasicNetwork<T>& network;
  std::shared_ptr<const Model<T>> model;
  std::optional<ModelWeights<T>> weights;
  std::vector<std::unique_ptr<Shard<T>>> shards;  // by thread
  std::vector<std::vector<Index>> parts;          // rows of the batch; part i is the affair of thread i % threads
  StepMemory memory;
  int threads = 1;
  bool shares = false;            // whether one thread runs this pass and `team` shares its products
  std::unique_ptr<RowTeam> team;  // kept for the next one that is wanted
};

namespace {
// Where no entry counts, all are ignored or of weight 0, the sequences still run: their last state is wanted.
template <class T>
double entry_scale(const Model<T>& model, const Sequences<T>& x, const Target<T>& target, const Loss& loss, Window window) {
  const double weight = total_weight(model, x, target, loss, window);
  return weight > 0 ? 1 / weight : 0;
}
}  // namespace

template <class T>
BasicRunner<T>::BasicRunner(const BasicNetwork<T>& network) : impl_(std::make_unique<Impl>(network)) {}
template <class T>
BasicRunner<T>::~BasicRunner() = default;
template <class T>
BasicRunner<T>::BasicRunner(BasicRunner&&) noexcept = default;

template <class T>
void BasicRunner<T>::forward(const Sequences<T>& x, T* y, BasicState<T>* state, const RunOptions& options) {
  impl_->begin("forward", x, x.time, state, options, Impl::Wanted::outputs);
  BasicState<T> carried = state ? *state : BasicState<T>(impl_->network, x.topology ? 0 : x.batch);
  BasicState<T>* const carrying = x.topology ? nullptr : &carried;
  impl_->run({x, {0, x.time}, carrying, options, y}, carrying);
  if (state) *state = carried;
}

template <class T>
double BasicRunner<T>::window_gradient(const Sequences<T>& x, const Target<T>& target, const Loss& loss, Window window,
                                       T* gradient, BasicState<T>* state, const RunOptions& options, Ranges* touched) {
  impl_->begin("window_gradient", x, window.end - window.begin, state, options, Impl::Wanted::gradient, &loss);
  check_loss("window_gradient", *impl_->model, target, loss);
  check_taught("window_gradient", *impl_->model, x, target);
  check_segment("window_gradient", *impl_->model, x, options.segment);
  check_window("window_gradient", x, window);
  if (count_valid(*impl_->model, x, window) == 0) {
    if (touched) fill_zeros(gradient, std::exchange(*touched, {}));
    return 0;
  }
  const double scale = entry_scale(*impl_->model, x, target, loss, window);
  return impl_->run({x, window, options.initial ? nullptr : state, options, nullptr, &target, &loss, scale, true}, state,
                    gradient, touched);
}

template <class T>
double BasicRunner<T>::loss_and_gradient(const Sequences<T>& x, const Target<T>& target, const Loss& loss, T* gradient,
                                         BasicState<T>* state, const RunOptions& options, Ranges* touched) {
  if (options.window < 0)
    throw std::invalid_argument("loss_and_gradient: window is " + std::to_string(options.window) + ", expected at least 1");
  impl_->begin("loss_and_gradient", x, options.window > 0 ? options.window : x.time, state, options, Impl::Wanted::gradient,
               &loss);
  check_loss("loss_and_gradient", *impl_->model, target, loss);
  check_taught("loss_and_gradient", *impl_->model, x, target);
  check_segment("loss_and_gradient", *impl_->model, x, options.segment);
  const Index window = options.window > 0 ? options.window : x.time;
  if (window < x.time && (impl_->model->pools() || impl_->model->looks_ahead()))
    throw std::invalid_argument("loss_and_gradient: a window cuts the time axis, but the network " +
                                std::string(impl_->model->pools() ? "pools over it" : "looks ahead"));
  if (count_valid(*impl_->model, x, {0, x.time}) == 0) {
    if (touched) fill_zeros(gradient, std::exchange(*touched, {}));
    return 0;
  }
  const double scale = entry_scale(*impl_->model, x, target, loss, {0, x.time});
  const bool initial = options.initial || !state;
  BasicState<T> carried = state ? *state : BasicState<T>(impl_->network, x.topology ? 0 : x.batch);
  const bool once = window >= x.time;  // else nothing of the caller's may change before all windows have succeeded
  std::vector<T> sum(once ? 0 : impl_->network.flat().size(), T(0));
  double total = 0;
  for (Index begin = 0; begin < x.time; begin += window)
    total += impl_->run({x,
                         {begin, std::min(begin + window, x.time)},
                         begin == 0 && initial ? nullptr : &carried,
                         options,
                         nullptr,
                         &target,
                         &loss,
                         scale,
                         true},
                        x.topology ? nullptr : &carried, once ? gradient : sum.data(), once ? touched : nullptr);
  if (!once && touched) fill_zeros(gradient, std::exchange(*touched, {{0, Index(sum.size())}}));
  for (std::size_t j = 0; j < sum.size(); ++j) gradient[j] += sum[j];
  if (state) *state = carried;
  return total;
}

template <class T>
double BasicRunner<T>::loss(const Sequences<T>& x, const Target<T>& target, const Loss& loss, BasicState<T>* state,
                            const RunOptions& options) {
  impl_->begin("loss", x, x.time, state, options, Impl::Wanted::loss);
  check_loss("loss", *impl_->model, target, loss);
  check_taught("loss", *impl_->model, x, target);
  check_segment("loss", *impl_->model, x, options.segment);
  if (count_valid(*impl_->model, x, {0, x.time}) == 0) return 0;
  const double scale = entry_scale(*impl_->model, x, target, loss, {0, x.time});
  return impl_->run({x, {0, x.time}, state, options, nullptr, &target, &loss, scale}, state);
}

template class BasicRunner<float>;
template class BasicRunner<double>;

}  // namespace recurra
