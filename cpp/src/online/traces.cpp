#include "traces.h"

#include <algorithm>

#include "../backends/select.h"

namespace recurra {

namespace {

// What parameters multiply in a step; null: 1.
template <class T>
const T* source(const UnitParameters& p, const CellTape<T>& tape) {
  switch (p.source) {
    case UnitParameters::Source::input: return tape.x + p.from;
    case UnitParameters::Source::feed: return tape.state.data() + p.from;
    case UnitParameters::Source::state: return tape.y + p.from;
    default: return nullptr;
  }
}

}  // namespace

template <class T>
Index TraceLearner<T>::size(const CellLayout& layout) {
  return Index(layout.carried.size()) * padded_stride<T>(layout.num_parameters);
}

template <class T>
TraceLearner<T>::TraceLearner(const CellLayer<T>& layer, const TraceOptions& options)
    : layer_(layer),
      options_(options),
      units_(layer),
      parameters_(unit_parameters(layer.layout())),
      stride_(padded_stride<T>(layer.layout().num_parameters)),
      traces_(std::size_t(size(layer.layout()))),
      carried_(std::size_t(units_.states() * units_.units())) {}

template <class T>
void TraceLearner<T>::reset() {
  forget();
  for (const UnitParameters& p : parameters_)
    if (p.initial >= 0) std::fill_n(traces_.begin() + p.initial * stride_ + p.offset, p.rows, T(1));
}

template <class T>
void TraceLearner<T>::forget() {
  std::fill(traces_.begin(), traces_.end(), T(0));
}

// What a unit's fed states do to its own gates. Fed states are the first ones, and carried.
template <class T>
void TraceLearner<T>::add_recurrent(const LayerStep<T>& step, const T* da) {
  const CellLayout& layout = layer_.layout();
  const Index units = units_.units(), states = units_.states();
  for (const UnitParameters& p : parameters_) {
    if (p.source != UnitParameters::Source::feed) continue;
    for (Index fed = 0; fed < layout.info.feeds; ++fed) {
      const Index own = fed * units + p.unit - p.from;  // where the source has the first row's own state
      if (own < 0 || own >= p.columns) continue;
      const T* r = step.params + p.offset + own;
      for (Index s = 0; s < states; ++s) {
        T* keep = units_.keep() + (s * states + fed) * units + p.unit;
        const T* enter = units_.enter() + s * units_.enter_stride() + p.column;
        for (Index i = 0; i < p.rows; ++i) keep[i] += enter[i] * r[i * (p.columns + 1)];
      }
      T* carried = carried_.data() + fed * units + p.unit;
      for (Index i = 0; step.dy && i < p.rows; ++i) carried[i] += da[p.column + i] * r[i * (p.columns + 1)];
    }
  }
}

template <class T>
bool TraceLearner<T>::step(const LayerStep<T>& step, T* gradient) {
  auto& tape = static_cast<CellTape<T>&>(step.tape);
  const CellLayout& layout = layer_.layout();
  const Index units = units_.units();
  const T* da = tape.da;
  units_.differentiate(step.weights, tape);
  if (step.dy && layout.feed.products.empty())
    layer_.save_cotangent(tape, 0, 0, 0, carried_.data());
  else if (step.dy)
    units_.carry_back(step.weights, tape, carried_.data());
  if (options_.recurrent) add_recurrent(step, da);
  if (options_.leak != 1) {
    for (Index j = 0; j < units_.states() * units_.states() * units; ++j) units_.keep()[j] *= T(options_.leak);
    for (T& v : carried_) v *= T(options_.leak);
  }
  T most = 0;
  for (const UnitParameters& p : parameters_) {
    TraceRows<T> rows{};
    rows.rows = p.rows;
    rows.columns = p.columns;
    rows.states = int(units_.states());
    rows.trace = traces_.data() + p.offset;
    rows.trace_stride = stride_;
    rows.z = source(p, tape);
    rows.keep = units_.keep() + p.unit;
    rows.keep_stride = rows.carried_stride = units;
    rows.enter = p.initial < 0 ? units_.enter() + p.column : nullptr;
    rows.enter_stride = units_.enter_stride();
    rows.gradient = step.dy ? gradient + p.offset : nullptr;
    rows.carried = carried_.data() + p.unit;
    rows.direct = p.initial < 0 ? da + p.column : nullptr;
    const T largest = kernels<T>(backend()).traces.advance(rows);
    if (!(largest <= most)) most = largest;
    if (most != most) return false;
  }
  return double(most) <= options_.guard;
}

template <class T>
bool TraceLearner<T>::influence(Index offset, Index size, T* to) {
  const Index units = units_.units();
  for (const UnitParameters& p : parameters_)
    for (Index i = 0; i < p.rows; ++i)
      for (Index j = 0; j < p.columns; ++j) {
        const Index at = p.offset + i * p.columns + j - offset;
        if (at < 0 || at >= size) continue;
        for (Index s = 0; s < units_.states(); ++s)
          to[(s * units + p.unit + i) * size + at] = traces_[std::size_t(s * stride_ + at + offset)];
      }
  return true;
}

template <class T>
void TraceLearner<T>::save(OnlineFile<T>& file, const std::string& prefix) const {
  file.put(prefix + "traces", traces_);
}

template <class T>
void TraceLearner<T>::load(const OnlineFile<T>& file, const std::string& prefix) {
  file.copy(prefix + "traces", traces_);
}

template class TraceLearner<float>;
template class TraceLearner<double>;

}  // namespace recurra
