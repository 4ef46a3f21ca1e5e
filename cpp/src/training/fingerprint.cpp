#include "fingerprint.h"

#include <bit>
#include <type_traits>

#include "../math/random.h"

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
  Hash hash;
  for (const Index extent : {x.batch, x.time, inputs, outputs}) hash.add(extent);
  for (Index sequence = 0; sequence < x.batch; ++sequence) {
    const Index row = x.row(sequence), length = x.length(sequence);
    hash.add(length);
    hash.add(x.data + row * x.time * inputs, length * inputs);
    const Index first = network.pools() ? row : row * x.time, entries = network.pools() ? Index(length > 0) : length;
    if (loss.takes_classes())
      hash.add(data.target.classes + first, entries);
    else
      hash.add(data.target.values + first * outputs, entries * outputs);
  }
  return hash.value();
}

template std::uint64_t fingerprint(const BasicNetwork<float>&, const Data<float>&, const Loss&);
template std::uint64_t fingerprint(const BasicNetwork<double>&, const Data<double>&, const Loss&);

}  // namespace recurra
