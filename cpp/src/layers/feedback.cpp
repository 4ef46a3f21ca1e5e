#include "feedback.h"

#include <stdexcept>

#include "../math/hash.h"

namespace recurra {

namespace {

template <class T>
struct FeedbackTape : WrapperTape<T> {
  std::vector<T> joined, djoined;  // [nodes] the net's input: x, and the line after the step before
  std::vector<T> line, dline;      // [rows] what was fed back after a step and the steps before it, the latest first
  std::vector<char> own;           // [nodes] whether it was the step's own output
  std::size_t bytes() const override { return WrapperTape<T>::bytes() + bytes_of(joined, djoined, line, dline, own); }
};

template <class T>
FeedbackTape<T>& of(Tape<T>& tape) {
  return static_cast<FeedbackTape<T>&>(tape);
}

// Calls visit(row, parent row, node, seed) for the rows of a level, `seeds` of them per node.
template <class Visit>
void for_each_row(const Schedule& schedule, Index level, Index seeds, const Visit& visit) {
  for (Index i = 0; i < schedule.size(level); ++i)
    for (Index seed = 0; seed < seeds; ++seed)
      visit((schedule.row(level) + i) * seeds + seed, (schedule.row(level - 1) + i) * seeds + seed,
            schedule.first_node(level) + i, seed);
}

}  // namespace

template <class T>
std::vector<Index> Feedback<T>::feedbacks() const {
  std::vector<Index> all = Wrapper<T>::feedbacks();
  if (fed_ == output_size()) all.push_back(width());
  return all;
}

template <class T>
std::vector<StateSpec> Feedback<T>::state() const {
  std::vector<StateSpec> all{{start_ ? "symbol" : "y", line_width()}};
  for (StateSpec& spec : Wrapper<T>::state()) all.push_back(std::move(spec));
  return all;
}

template <class T>
std::unique_ptr<Tape<T>> Feedback<T>::make_tape() const {
  auto tape = std::make_unique<FeedbackTape<T>>();
  tape->children.push_back(this->child(0).make_tape());
  return tape;
}

template <class T>
void Feedback<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = of(base);
  if (!tape.in->is_chain()) throw std::invalid_argument("Feedback: the nodes form a graph, expected sequences");
  const Index nodes = tape.in->num_nodes(), rows = tape.in->num_rows(), width = this->child(0).input_size();
  tape.joined.resize(std::size_t(nodes * width));
  tape.line.resize(std::size_t(rows * line_width()));
  tape.own.resize(std::size_t(nodes));
  if (backward) {
    tape.djoined.resize(tape.joined.size() * std::size_t(tape.seeds));
    tape.dline.resize(tape.line.size() * std::size_t(tape.seeds));
  }
  this->reserve_child(base, 0, tape.joined.data(), width, backward);
  const Tape<T>& net = this->tape(base, 0);
  tape.y = net.y;
  tape.y_stride = net.y_stride;
  tape.dy = net.dy;
  tape.dy_stride = net.dy_stride;
}

template <class T>
void Feedback<T>::link_net(Tape<T>& base) const {
  auto& tape = of(base);
  const Index width = this->child(0).input_size();
  this->link(base, 0, tape.joined.data(), width, tape.djoined.empty() ? nullptr : tape.djoined.data(), width);
}

template <class T>
void Feedback<T>::initial_state(const T* params, T* to) const {
  to = std::fill_n(to, line_width(), T(start_.value_or(0)));
  Wrapper<T>::initial_state(params, to);
}

template <class T>
void Feedback<T>::load_state(Tape<T>& base, Index sequence, const T* from) const {
  std::copy_n(from, line_width(), of(base).line.begin() + sequence * line_width());
  Wrapper<T>::load_state(base, sequence, from + line_width());
}

template <class T>
void Feedback<T>::save_state(const Tape<T>& base, Index level, Index sequence, T* to) const {
  const auto& tape = static_cast<const FeedbackTape<T>&>(base);
  to = std::copy_n(tape.line.begin() + (tape.in->row(level) + sequence) * line_width(), line_width(), to);
  Wrapper<T>::save_state(base, level, sequence, to);
}

template <class T>
void Feedback<T>::save_cotangent(Tape<T>& base, Index level, Index sequence, Index seed, T* to) const {
  const Index row = (base.in->row(level) + sequence) * base.seeds + seed;
  to = std::copy_n(of(base).dline.begin() + row * line_width(), line_width(), to);
  Wrapper<T>::save_cotangent(base, level, sequence, seed, to);
}

template <class T>
void Feedback<T>::add_cotangent(Tape<T>& base, Index level, Index sequence, Index seed, const T* from) const {
  T* to = of(base).dline.data() + ((base.in->row(level) + sequence) * base.seeds + seed) * line_width();
  for (Index j = 0; j < line_width(); ++j) to[j] += *from++;
  Wrapper<T>::add_cotangent(base, level, sequence, seed, from);
}

template <class T>
void Feedback<T>::carry(Tape<T>& base, Index level) const {
  auto& line = of(base).line;
  std::copy_n(line.begin() + base.in->row(level) * line_width(), base.in->num_roots() * line_width(), line.begin());
  Wrapper<T>::carry(base, level);
}

template <class T>
void Feedback<T>::observe(Tape<T>& base, Index sequence, const T* seen) const {
  if (fed_ != output_size()) return;
  std::copy_n(seen, width(), of(base).line.begin() + sequence * line_width());
}

template <class T>
void Feedback<T>::join(Tape<T>& base, Index level) const {
  auto& tape = of(base);
  for_each_row(*tape.in, level, 1, [&](Index, Index parent, Index node, Index) {
    T* to = tape.joined.data() + node * this->child(0).input_size();
    to = std::copy_n(tape.x + node * tape.x_stride, input_size(), to);
    std::copy_n(tape.line.begin() + parent * line_width(), line_width(), to);
  });
}

template <class T>
void Feedback<T>::feed_back(Tape<T>& base, Index level) const {
  auto& tape = of(base);
  const Teacher<T>& teacher = tape.teacher;
  for_each_row(*tape.in, level, 1, [&](Index row, Index parent, Index node, Index) {
    const Index sequence = row - tape.in->row(level);
    const bool own =
        !is_taught(tape) ||
        (teacher.sampling > 0 && unit_interval(mix(mix(mix(tape.noise.key, salt_), std::uint64_t(tape.noise.sequence[sequence])),
                                                   std::uint64_t(tape.noise.before + level))) < teacher.sampling);
    tape.own[std::size_t(node)] = own;
    T* to = tape.line.data() + row * line_width();
    const T* y = tape.y + node * tape.y_stride;
    if (own && start_)
      *to = T(std::max_element(y, y + output_size()) - y);
    else
      std::copy_n(own ? y + first_fed() : teacher.rows + node * width(), width(), to);
    std::copy_n(tape.line.begin() + parent * line_width(), line_width() - width(), to + width());
  });
}

template <class T>
void Feedback<T>::forward(const Weights<T>& w, Tape<T>& base, Levels levels) const {
  link_net(base);
  const auto run = [&](Levels some) { this->child(0).forward(this->weights(w, 0), this->tape(base, 0), some); };
  for (Index level = levels.begin; level < levels.end; ++level) {
    join(base, level);
    if (!is_open(base)) run({level, level + 1});
    feed_back(base, level);
  }
  if (is_open(base)) run(levels);
}

template <class T>
void Feedback<T>::feed_back_tangent(Tape<T>& base, Index level) const {
  auto& tape = of(base);
  for_each_row(*tape.in, level, tape.seeds, [&](Index row, Index parent, Index node, Index seed) {
    T* to = tape.dline.data() + row * line_width();
    if (tape.own[std::size_t(node)] && !start_)
      std::copy_n(tape.dy + (node * tape.seeds + seed) * tape.dy_stride + first_fed(), width(), to);
    else
      std::fill_n(to, width(), T(0));
    std::copy_n(tape.dline.begin() + parent * line_width(), line_width() - width(), to + width());
  });
}

template <class T>
void Feedback<T>::tangent(const Weights<T>& w, Tape<T>& base, Levels levels) const {
  auto& tape = of(base);
  link_net(base);
  for (Index level = levels.begin; level < levels.end; ++level) {
    for_each_row(*tape.in, level, tape.seeds, [&](Index, Index parent, Index node, Index seed) {
      const Index row = node * tape.seeds + seed;
      T* to = tape.djoined.data() + row * this->child(0).input_size();
      to = tape.dx ? std::copy_n(tape.dx + row * tape.dx_stride, input_size(), to) : std::fill_n(to, input_size(), T(0));
      std::copy_n(tape.dline.begin() + parent * line_width(), line_width(), to);
    });
    this->child(0).tangent(this->weights(w, 0), this->tape(base, 0), {level, level + 1});
    feed_back_tangent(base, level);
  }
}

template <class T>
void Feedback<T>::clear_cotangents(Tape<T>& base) const {
  auto& tape = of(base);
  std::fill(tape.djoined.begin(), tape.djoined.end(), T(0));
  std::fill(tape.dline.begin(), tape.dline.end(), T(0));
  Wrapper<T>::clear_cotangents(base);
}

template <class T>
void Feedback<T>::feed_back_cotangent(Tape<T>& base, Index level) const {
  auto& tape = of(base);
  for_each_row(*tape.in, level, tape.seeds, [&](Index row, Index parent, Index node, Index seed) {
    const T* d = tape.dline.data() + row * line_width();
    T* dy = tape.dy + (node * tape.seeds + seed) * tape.dy_stride + first_fed();
    for (Index j = 0; tape.own[std::size_t(node)] && !start_ && j < width(); ++j) dy[j] += d[j];
    T* to = tape.dline.data() + parent * line_width();
    for (Index j = 0; j < line_width() - width(); ++j) to[j] += d[width() + j];
  });
}

template <class T>
void Feedback<T>::join_cotangent(Tape<T>& base, Index level) const {
  auto& tape = of(base);
  for_each_row(*tape.in, level, tape.seeds, [&](Index, Index parent, Index node, Index seed) {
    const Index row = node * tape.seeds + seed;
    const T* d = tape.djoined.data() + row * this->child(0).input_size();
    for (Index j = 0; tape.dx && j < input_size(); ++j) tape.dx[row * tape.dx_stride + j] += d[j];
    T* to = tape.dline.data() + parent * line_width();
    for (Index j = 0; j < line_width(); ++j) to[j] += d[input_size() + j];
  });
}

template <class T>
void Feedback<T>::backward(const Weights<T>& w, Tape<T>& base, Levels levels) const {
  link_net(base);
  const auto run = [&](Levels some) { this->child(0).backward(this->weights(w, 0), this->tape(base, 0), some); };
  if (is_open(base)) run(levels);
  for (Index level = levels.end - 1; level >= levels.begin; --level) {
    feed_back_cotangent(base, level);
    if (!is_open(base)) run({level, level + 1});
    join_cotangent(base, level);
  }
}

template class Feedback<float>;
template class Feedback<double>;

}  // namespace recurra
