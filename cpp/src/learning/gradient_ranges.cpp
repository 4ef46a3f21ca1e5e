#include "gradient_ranges.h"

#include "../layers/embedding.h"
#include "../network/ranges.h"

namespace recurra {

namespace {

// The rows of some tables, and all parameters outside of them.
class Collector {
 public:
  explicit Collector(Index size) : size_(size) {}

  // Tables come in ascending order.
  void add_table(Index offset, Index rows, Index width, const std::vector<std::int64_t>& touched) {
    ranges_.push_back({end_, offset});
    end_ = offset + rows * width;
    for (const std::int64_t row : touched)
      if (row >= 0 && row < rows)
        ranges_.push_back({offset + row * width, offset + (row + 1) * width});  // the pass refuses others
  }
  Ranges ranges() {
    ranges_.push_back({end_, size_});
    return united(std::move(ranges_));
  }

 private:
  Index size_, end_ = 0;
  std::vector<Range> ranges_;
};

template <class T>
std::vector<std::int64_t> ids_read(const Model<T>& model, const Pass<T>& pass) {
  std::vector<std::int64_t> ids;
  const Sequences<T>& x = pass.x;
  for (Index sequence = 0; sequence < x.batch; ++sequence)
    for (Index step = 0; step < window_length(x, sequence, pass.window); ++step) {
      const T id = x.data[x.entry(sequence, pass.window.begin + step)];
      if (id >= T(0) && id < T(model.num_ids)) ids.push_back(std::int64_t(id));
    }
  return ids;
}

// Of the samples, and those wanted.
template <class T>
std::vector<std::int64_t> classes_scored(const Model<T>& model, const Pass<T>& pass) {
  std::vector<std::int64_t> classes = pass.samples->classes;
  const OutputGrid<T> grid(model, pass.x, pass.window);
  for (Index sequence = 0; sequence < pass.x.batch; ++sequence)
    for (Index i = 0; i < grid.length(sequence); ++i) {
      const Index entry = grid.entry(sequence, i);
      if (pass.target->counts(entry)) classes.push_back(pass.target->classes[entry]);
    }
  return classes;
}

}  // namespace

template <class T>
Ranges gradient_ranges(const Model<T>& model, const Pass<T>& pass) {
  Collector collector(model.parameter_offset.back());
  if (dynamic_cast<const Embedding<T>*>(model.layers.front().get())) {
    const Index width = model.layers.front()->output_size();
    collector.add_table(0, model.num_ids, width, ids_read(model, pass));
  }
  if (pass.samples) {
    const std::vector<std::int64_t> classes = classes_scored(model, pass);
    Index offset = model.parameter_offset[model.layers.size() - 1];
    for (const ParameterSpec& spec : model.layers.back()->parameters()) {  // W and b, a row or an element per class
      collector.add_table(offset, model.output_size, spec.size() / model.output_size, classes);
      offset += spec.size();
    }
  }
  return collector.ranges();
}

#define RECURRA_INSTANTIATE(T) template Ranges gradient_ranges(const Model<T>&, const Pass<T>&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
