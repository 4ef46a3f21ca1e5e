// Zoneout and variational dropout of a cell layer. Masks are decided by place (math/hash.h), never by the order of work.
//
// Zoneout: a state keeps its parent's value with a probability, and at inference in that proportion; h is made from the new
// c before c is held back. D. Krueger et al., Zoneout, ICLR 2017, eqs. 2 to 4.
// Variational dropout: one mask of what R multiplies for all steps of a sequence (of a window, in truncated training).
// Y. Gal, Z. Ghahramani, A theoretically grounded application of dropout in recurrent neural networks, NIPS 2016.
#include <algorithm>

#include "../math/hash.h"
#include "cell_layer.h"

namespace recurra {

template <class T>
void CellLayer<T>::zone_out(CellTape<T>& tape, Index level) const {
  const Schedule& schedule = *tape.in;
  const Index units = layout_.hidden_size, width = layout_.state_width, zoned = Index(layout_.zoned.size());
  for (Index i = 0; i < schedule.size(level); ++i) {
    const Index node = schedule.first_node(level) + i;
    const T* raw = tape.raw.data() + node * width;
    const T* parent = tape.state.data() + schedule.parent_of(level, i) * width;
    T* state = tape.state.data() + (schedule.row(level) + i) * width;
    std::copy_n(raw, width, state);
    for (Index z = 0; z < zoned; ++z) {
      const Index s = layout_.zoned[std::size_t(z)];
      const double probability = layout_.options.zoneout[std::size_t(s)];
      T* keep = tape.keep.data() + (node * zoned + z) * units;
      if (tape.noise.training) {
        const std::uint64_t row =
            mix(mix(mix(tape.noise.key, salt_), std::uint64_t(tape.noise.sequence[i])), std::uint64_t(tape.noise.before + level));
        library_.masks.draw(mix(row, std::uint64_t(s)), probability, T(1), T(0), units, keep);
      } else {
        std::fill_n(keep, units, T(probability));
      }
      for (Index j = s * units; j < (s + 1) * units; ++j) state[j] += keep[j - s * units] * (parent[j] - raw[j]);
    }
  }
}

template <class T>
void CellLayer<T>::zone_out_back(CellTape<T>& tape, Index level) const {
  const Schedule& schedule = *tape.in;
  const Index units = layout_.hidden_size, width = layout_.state_width, zoned = Index(layout_.zoned.size()), seeds = tape.seeds;
  for (Index c = 0; c < schedule.size(level) * seeds; ++c) {
    const Index node = schedule.first_node(level) + c / seeds;
    const T* dstate = tape.dstate.data() + (schedule.row(level) * seeds + c) * width;
    T* draw = tape.draw.data() + (schedule.first_node(level) * seeds + c) * width;
    T* dparent = tape.dstate.data() + (schedule.row(level - 1) * seeds + c) * width;
    std::copy_n(dstate, width, draw);
    for (Index z = 0; z < zoned; ++z) {
      const Index s = layout_.zoned[std::size_t(z)] * units;
      const T* keep = tape.keep.data() + (node * zoned + z) * units;
      for (Index j = 0; j < units; ++j) {
        const T kept = keep[j] * dstate[s + j];
        draw[s + j] -= kept;
        dparent[s + j] += kept;
      }
    }
  }
}

template <class T>
void CellLayer<T>::zone_out_tangent(CellTape<T>& tape, Index level) const {
  const Schedule& schedule = *tape.in;
  const Index units = layout_.hidden_size, width = layout_.state_width, zoned = Index(layout_.zoned.size()), seeds = tape.seeds;
  for (Index c = 0; c < schedule.size(level) * seeds; ++c) {
    const Index node = schedule.first_node(level) + c / seeds;
    T* dstate = tape.dstate.data() + (schedule.row(level) * seeds + c) * width;
    const T* draw = tape.draw.data() + (schedule.first_node(level) * seeds + c) * width;
    const T* dparent = tape.dstate.data() + (schedule.row(level - 1) * seeds + c) * width;
    std::copy_n(draw, width, dstate);
    for (Index z = 0; z < zoned; ++z) {
      const Index s = layout_.zoned[std::size_t(z)] * units;
      const T* keep = tape.keep.data() + (node * zoned + z) * units;
      for (Index j = 0; j < units; ++j) dstate[s + j] += keep[j] * (dparent[s + j] - draw[s + j]);
    }
  }
}

template <class T>
Rows<T> CellLayer<T>::unmasked(CellTape<T>& tape, Index row) const {
  if (layout_.projects()) return {tape.projected.data() + row * layout_.feed_width, layout_.feed_width};
  return {tape.state.data() + row * layout_.state_width, layout_.state_width};
}
template <class T>
Rows<T> CellLayer<T>::unmasked_cotangents(CellTape<T>& tape, Index row) const {
  if (layout_.projects()) return {tape.dprojected.data() + row * layout_.feed_width, layout_.feed_width};
  return {tape.dstate.data() + row * layout_.state_width, layout_.state_width};
}
template <class T>
Rows<T> CellLayer<T>::fed(CellTape<T>& tape, Index row) const {
  if (drops(tape)) return {tape.masked.data() + row * layout_.feed_width, layout_.feed_width};
  return unmasked(tape, row);
}
template <class T>
Rows<T> CellLayer<T>::fed_cotangents(CellTape<T>& tape, Index row) const {
  if (drops(tape)) return {tape.dmasked.data() + row * layout_.feed_width, layout_.feed_width};
  return unmasked_cotangents(tape, row);
}

template <class T>
void CellLayer<T>::draw_feed_mask(CellTape<T>& tape) const {
  const Index width = layout_.feed_width;
  const double probability = layout_.options.recurrent_dropout;
  for (Index i = 0; i < tape.in->num_roots(); ++i) {
    const std::uint64_t row = mix(mix(tape.noise.key, salt_), std::uint64_t(tape.noise.sequence[i]));
    library_.masks.draw(mix(row, ~std::uint64_t(0)), probability, T(0), T(1 / (1 - probability)), width,
                        tape.mask.data() + i * width);
  }
}

namespace {
// to = mask from, or to += mask from, for rows that have `seeds` vectors each and are masked by their place in the level.
template <class T>
void apply(const T* mask, Rows<const T> from, Index rows, Index seeds, Index width, bool add, Rows<T> to) {
  for (Index c = 0; c < rows * seeds; ++c)
    for (Index j = 0; j < width; ++j) {
      const T value = from.data[c * from.stride + j] * mask[c / seeds * width + j];
      to.data[c * to.stride + j] = add ? to.data[c * to.stride + j] + value : value;
    }
}
}  // namespace

// What the nodes of a level are fed by their parents.
template <class T>
void CellLayer<T>::mask_feed(CellTape<T>& tape, Index level) const {
  const Index parents = tape.in->row(level - 1);
  const Rows<T> from = unmasked(tape, parents);
  apply<T>(tape.mask.data(), {from.data, from.stride}, tape.in->size(level), 1, layout_.feed_width, false, fed(tape, parents));
}
template <class T>
void CellLayer<T>::mask_feed_back(CellTape<T>& tape, Index level) const {
  const Index parents = tape.in->row(level - 1) * tape.seeds;
  const Rows<T> from = fed_cotangents(tape, parents);
  apply<T>(tape.mask.data(), {from.data, from.stride}, tape.in->size(level), tape.seeds, layout_.feed_width, true,
           unmasked_cotangents(tape, parents));
}
template <class T>
void CellLayer<T>::mask_feed_tangent(CellTape<T>& tape, Index level) const {
  const Index parents = tape.in->row(level - 1) * tape.seeds;
  const Rows<T> from = unmasked_cotangents(tape, parents);
  apply<T>(tape.mask.data(), {from.data, from.stride}, tape.in->size(level), tape.seeds, layout_.feed_width, false,
           fed_cotangents(tape, parents));
}

#define RECURRA_INSTANTIATE(T)                                                   \
  template void CellLayer<T>::zone_out(CellTape<T>&, Index) const;               \
  template void CellLayer<T>::zone_out_back(CellTape<T>&, Index) const;          \
  template void CellLayer<T>::zone_out_tangent(CellTape<T>&, Index) const;       \
  template Rows<T> CellLayer<T>::unmasked(CellTape<T>&, Index) const;            \
  template Rows<T> CellLayer<T>::unmasked_cotangents(CellTape<T>&, Index) const; \
  template Rows<T> CellLayer<T>::fed(CellTape<T>&, Index) const;                 \
  template Rows<T> CellLayer<T>::fed_cotangents(CellTape<T>&, Index) const;      \
  template void CellLayer<T>::draw_feed_mask(CellTape<T>&) const;                \
  template void CellLayer<T>::mask_feed(CellTape<T>&, Index) const;              \
  template void CellLayer<T>::mask_feed_back(CellTape<T>&, Index) const;         \
  template void CellLayer<T>::mask_feed_tangent(CellTape<T>&, Index) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
