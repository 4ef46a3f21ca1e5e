#include "fingerprint.h"

#include <bit>
#include <limits>
#include <type_traits>

#include "../learning/batch.h"
#include "../math/random.h"
#include "../topology/compiled_topology.h"

namespace recurra {

namespace {

class Hash {
 public:
  void add(std::int64_t value) { state_ = mix(state_, std::uint64_t(value)); }
  template <class T>
  void add(const T* values, Index count) {
    using Bits = std::conditional_t<sizeof(T) == sizeof(std::uint32_t), std::uint32_t, std::uint64_t>;
    for (Index i = 0; i < count; ++i) state_ = mix(state_, std::uint64_t(std::bit_cast<Bits>(values[i])));
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0;
};

}  // namespace

template <class T>
std::uint64_t fingerprint(const BasicNetwork<T>& network, const Data<T>& data, const Loss& loss) {
  const Sequences<T>& x = data.x;
  const Index inputs = network.input_size(), outputs = network.output_size();
  constexpr std::int64_t masked = std::numeric_limits<std::int64_t>::min();
  const OutputGrid<T> grid(*network.model(), x, {0, x.time});
  Hash hash;
  for (const Index extent : {x.batch, x.time, inputs, outputs}) hash.add(extent);
  if (network.decodes()) hash.add(x.target_time);
  if (x.topology) hash.add(std::int64_t(x.topology->compiled()->fingerprint()));
  for (Index sequence = 0; sequence < x.batch; ++sequence) {
    const Index row = x.row(sequence), length = x.length(sequence);
    hash.add(length);
    if (network.decodes()) hash.add(grid.length(sequence));
    for (Index step = 0; step < length; ++step) hash.add(x.data + x.entry(sequence, step) * inputs, inputs);
    if (x.teacher) {
      const Index steps = network.decodes() ? grid.length(sequence) : length, width = network.teacher_size();
      hash.add(x.teacher + row * (network.decodes() ? x.target_time : x.time) * width, steps * width);
    }
    for (Index step = 0; step < grid.length(sequence); ++step) {
      const Index entry = grid.entry(sequence, step);
      const bool counts = data.target.counts(entry), fed = network.decodes() && !x.teacher;
      if (!counts) hash.add(masked);
      if (!counts && !fed) continue;
      if (loss.takes_classes())
        hash.add(data.target.classes + entry, 1);
      else
        hash.add(data.target.values + entry * outputs, outputs);
    }
  }
  return hash.value();
}

template std::uint64_t fingerprint(const BasicNetwork<float>&, const Data<float>&, const Loss&);
template std::uint64_t fingerprint(const BasicNetwork<double>&, const Data<double>&, const Loss&);

}  // namespace recurra
