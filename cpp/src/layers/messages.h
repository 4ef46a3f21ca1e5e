// What the nodes of a graph receive in a round: m_v, the sum, mean or maximum over the edges from u to v of f(h_v, h_u, e).
// J. Gilmer et al., Neural message passing for quantum chemistry, ICML 2017.
//
// A layer over a chain whose sequences are the nodes and whose levels are the rounds: x are the states before each round, y the
// messages. f is one of
//   terms: sum_k a_k(e) (A_k h_u + b_k). Linear has one term with a = 1, ByType one for each type of edge, with a 0 or 1, EdgeNet
//   one for each output of a net of the edge's features, and one with a = 1. All A_k h_u are one product by node.
//   pairs: g(W_v h_v + W_u h_u + W_e e + b), with layers g. Two products by node, one by edge before the first round.
// Factors of the edges, given or (sums only) from attention, multiply f.
#pragma once

#include "chain.h"
#include "linear.h"
#include "rows.h"
#include "wrapper.h"

namespace recurra {

enum class Aggregation { sum, mean, max };

struct MessageOptions {
  Aggregation aggregation = Aggregation::sum;
  Index state_size = 0, message_size = 0;
  Index edge_size = 0;  // features of an edge that are read; 0: none
  Index types = 0;      // of ByType; 0: another
  bool pairs = false;
  bool edge_net = false;     // terms by the edge's features, or by a net of them
  bool edge_layers = false;  // there is one, or W_e
  Index terms = 1;           // matrices A_k
  Index hidden = 0;          // pairs: rows of W_v
  Index rounds = 1;
  bool shared = true;  // one f for all rounds, or one for each
  bool attention = false;
};

template <class T>
class Messages final : public Wrapper<T> {
 public:
  // Children: A (or [W_v, W_u]), for each round if f is not shared; then what `options` ask for, in this order: the net of the
  // edges' features (or W_e); g; attention's Linear of states, and that of the edges' features.
  Messages(const Kernels<T>& kernels, MessageOptions options, std::vector<Child<T>> children);

  Index input_size() const override { return options_.state_size; }
  Index output_size() const override { return options_.message_size; }
  void check(const CompiledTopology&) const override;
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;
  void gradient(Tape<T>&, Levels, GradientTarget<T>) const override;

  const MessageOptions& options() const { return options_; }
  Work work(bool gives_dx) const override;

 protected:
  void place(std::size_t i, Part<T>& part) const override;

 private:
  bool reads_edges() const { return options_.edge_layers; }
  std::size_t projections() const { return options_.shared ? 1 : std::size_t(options_.rounds); }
  std::size_t projection(Index level) const { return options_.shared ? 0 : std::size_t(level - 1); }
  std::size_t edges() const { return projections(); }
  std::size_t net() const { return projections() + reads_edges(); }
  std::size_t attention() const { return net() + options_.pairs; }

  // A child whose rows are the edges of this schedule.
  void reserve_over_edges(Tape<T>&, std::size_t child, const Schedule&, Rows<const T> x, bool backward) const;
  void read_edges(const Weights<T>&, Tape<T>&) const;
  void forward_level(const Weights<T>&, Tape<T>&, Index level) const;
  void backward_level(const Weights<T>&, Tape<T>&, Index level) const;
  EdgeTerms<T> terms(const Tape<T>&) const;  // the edges as the gathers see them

  // messages_pairs.cpp: g of what each edge joins of the nodes' products, and back.
  void reserve_pairs(Tape<T>&, bool backward) const;
  void link_pairs(Tape<T>&) const;
  EdgeTerms<T> ends(const Tape<T>&) const;
  void join_pairs(const Weights<T>&, Tape<T>&, Index level) const;
  void join_pairs_back(const Weights<T>&, Tape<T>&, Index level) const;

  // messages_attention.cpp
  void reserve_attention(Tape<T>&, bool backward) const;
  void attend(const Weights<T>&, Tape<T>&, Index level) const;
  void share_out(Tape<T>&, Index level) const;  // the factors of a round
  void attend_back(const Weights<T>&, Tape<T>&, Index level) const;

  const Kernels<T>& kernels_;
  MessageOptions options_;
};

}  // namespace recurra
