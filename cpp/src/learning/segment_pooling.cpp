#include "segment_pooling.h"

#include <algorithm>

#include "../layers/max_pooling.h"
#include "../layers/pooling.h"

namespace recurra {

template <class T>
SegmentPooling<T>::SegmentPooling(const Model<T>& model, Index sequences)
    : model_(model),
      width_(model.layers[model.pooling]->output_size()),
      latest_(std::size_t(sequences), Index(-1)),
      output_(std::size_t(sequences * width_)),
      cotangent_(output_.size()) {}

template <class T>
void SegmentPooling<T>::collect(Workspace<T>& workspace, Index segment) {
  const Tape<T>& tape = workspace.tape(model_.pooling);
  for (Index i = 0; i < Index(latest_.size()); ++i) {
    const bool steps = workspace.schedule().length(i) > 0;
    if (steps) latest_[std::size_t(i)] = segment;
    if (steps || segment == 0)  // without any step, what its state says
      std::copy_n(tape.y + i * tape.y_stride, width_, output_.begin() + i * width_);
  }
}

template <class T>
void SegmentPooling<T>::give_outputs(Workspace<T>& workspace) const {
  const Tape<T>& tape = workspace.tape(model_.pooling);
  for (Index i = 0; i < Index(latest_.size()); ++i) std::copy_n(output_.begin() + i * width_, width_, tape.y + i * tape.y_stride);
}

template <class T>
void SegmentPooling<T>::take_cotangents(Workspace<T>& workspace) {
  const Tape<T>& tape = workspace.tape(model_.pooling);
  for (Index i = 0; i < Index(latest_.size()); ++i)
    std::copy_n(tape.dy + i * tape.dy_stride, width_, cotangent_.begin() + i * width_);
}

template <class T>
void SegmentPooling<T>::give_cotangents(Workspace<T>& workspace, Index segment, const T* last) const {
  Tape<T>& tape = workspace.tape(model_.pooling);
  const Layer<T>& layer = *model_.layers[model_.pooling];
  const bool takes_last = dynamic_cast<const Last<T>*>(&layer), takes_max = dynamic_cast<const Max<T>*>(&layer);
  for (Index i = 0; i < Index(latest_.size()); ++i) {
    if (takes_last && latest_[std::size_t(i)] != segment) continue;
    T* dy = tape.dy + i * tape.dy_stride;
    std::copy_n(cotangent_.begin() + i * width_, width_, dy);
    const T* so_far = tape.y + i * tape.y_stride;
    for (Index j = 0; takes_max && j < width_; ++j)  // what a later segment raised is not from here
      if (so_far[j] != output_[std::size_t(i * width_ + j)]) dy[j] = T(0);
    if (!takes_last && !takes_max)  // a mean is divided by the number of all steps
      layer.load_state(tape, i, last + i * model_.state_offset.back() + model_.state_offset[model_.pooling]);
  }
}

template class SegmentPooling<float>;
template class SegmentPooling<double>;

}  // namespace recurra
