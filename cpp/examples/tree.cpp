// Formulas as trees: a network learns to evaluate small ones, is saved and loaded, and evaluates larger ones.
//   tree <model file>
// A leaf is false or true, a node inside is "and" or "or" of two or three formulas, or "not" of one. The order of its children
// does not matter, so they are summed; the state of the root is read out.
#include <recurra/recurra.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using recurra::Index;

enum Word : Index { no, yes, all_of, any_of, none_of, words };

struct Formulas {
  std::vector<Index> parents;
  std::vector<float> word;          // by node
  std::vector<std::int64_t> value;  // by tree
};

class Writer {
 public:
  explicit Writer(std::uint32_t seed) : state_(seed) {}
  // A formula with so many operators: leaves become operators until there are enough, then their values are drawn.
  void add(Formulas& formulas, Index operators) {
    const std::size_t first = formulas.parents.size();
    formulas.parents.push_back(-1);
    std::vector<std::size_t> leaves{first};
    formulas.word.push_back(no);
    for (; operators > 0; --operators) {
      const std::size_t at = std::size_t(below(Index(leaves.size()))), node = leaves[at];
      leaves[at] = leaves.back();
      leaves.pop_back();
      const Index word = all_of + below(3), children = word == none_of ? 1 : 2 + below(2);
      formulas.word[node] = float(word);
      for (Index i = 0; i < children; ++i) {
        leaves.push_back(formulas.parents.size());
        formulas.parents.push_back(Index(node));
        formulas.word.push_back(no);
      }
    }
    for (const std::size_t leaf : leaves) formulas.word[leaf] = float(below(2));
    formulas.value.push_back(value(formulas, first));
  }

 private:
  Index below(Index n) { return Index((state_ = state_ * 1664525u + 1013904223u) / 65536u % std::uint32_t(n)); }
  // Children come after the node above them: from the last one back, each tells that node its value.
  static std::int64_t value(const Formulas& formulas, std::size_t first) {
    const std::size_t count = formulas.parents.size() - first;
    std::vector<int> trues(count, 0), children(count, 0);
    for (std::size_t i = count; i-- > 0;) {
      const Index word = Index(formulas.word[first + i]);
      const bool is = word == yes || (word == all_of && trues[i] == children[i]) || (word == any_of && trues[i] > 0) ||
                      (word == none_of && trues[i] == 0);
      if (i == 0) return is;
      const std::size_t above = std::size_t(formulas.parents[first + i]) - first;
      trues[above] += is;
      ++children[above];
    }
    return 0;
  }
  std::uint32_t state_;
};

}  // namespace

int main(int argc, char** argv) try {
  using namespace recurra::layers;
  if (argc != 2) {
    std::fprintf(stderr, "usage: tree <model file>\n");
    return EXIT_FAILURE;
  }
  Formulas training, test;
  Writer writer(1);
  for (Index i = 0; i < 3000; ++i) writer.add(training, 1 + i % 6);
  for (Index i = 0; i < 500; ++i) writer.add(test, 10 + i % 10);

  const recurra::Forest trees(training.parents), larger(test.parents);
  recurra::Network net({embedding(words, 8), tree(gru(8, 24)), readout("root"), linear(24, 2)}, 1);
  recurra::FitOptions options;
  options.loss = recurra::Loss::cross_entropy;
  options.optimizer = recurra::Adam{.learning_rate = 1e-2};
  options.schedule = recurra::CosineDecay{.epochs = 30};
  options.epochs = 30;
  options.clip_norm = 1;
  const recurra::Data<float> data{recurra::Sequences<float>::over(trees, training.word.data()), {nullptr, training.value.data()}};
  const recurra::History history = recurra::fit<float>(net, data, nullptr, options);
  recurra::save(net, argv[1]);

  const recurra::Network loaded = recurra::load(argv[1]);
  std::vector<float> scores(test.value.size() * 2);
  recurra::Runner(loaded).forward(recurra::Sequences<float>::over(larger, test.word.data()), scores.data());
  double right = 0;
  for (std::size_t i = 0; i < test.value.size(); ++i) right += (scores[2 * i + 1] > scores[2 * i]) == (test.value[i] == 1);
  right /= double(test.value.size());
  std::printf("loss %.4f after %zu epochs; %td formulas of 10 to 19 operators: %.3f right\n", history.epochs.back().loss,
              history.epochs.size(), larger.num_trees(), right);
  return right > 0.97 ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception& error) {
  std::fprintf(stderr, "tree: %s\n", error.what());
  return EXIT_FAILURE;
}
