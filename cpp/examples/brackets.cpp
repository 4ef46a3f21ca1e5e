// Brackets of two kinds: which one may close next? A stack learns from words of nineteen pairs, and reads words fifty deep.
//   brackets
// The controller is an Elman network of four units, and the stack its only room: what it pushes comes back when it pops, and is
// fed to it at the next step.
#include <recurra/recurra.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using recurra::Index;

constexpr Index symbols = 4, answers = 3, pairs = 19, width = 2,
                units = 8;  // symbol 2 k opens a bracket of kind k, 2 k + 1 closes it

struct Words {
  std::vector<float> x;              // [words][length][symbols]
  std::vector<std::int64_t> answer;  // the kind of the innermost open bracket, plus 1; 0: none is open
};

class Writer {
 public:
  explicit Writer(std::uint32_t seed) : state_(seed) {}
  // A word of so many pairs, which opens a bracket with this chance in ten where it may, but always until it is `deep`.
  void add(Words& words, Index count, Index chance, Index deep) {
    std::vector<Index> open;
    for (Index opened = 0; opened < count || !open.empty();) {
      const bool opens = opened < std::min(deep, count) || open.empty() || (opened < count && below(10) < chance);
      if (opens) {
        open.push_back(below(2));
        ++opened;
      }
      const Index symbol = 2 * open.back() + !opens;
      if (!opens) open.pop_back();
      for (Index k = 0; k < symbols; ++k) words.x.push_back(float(k == symbol));
      words.answer.push_back(open.empty() ? 0 : open.back() + 1);
    }
  }

 private:
  Index below(std::uint32_t n) { return Index((state_ = state_ * 1664525u + 1013904223u) / 65536u % n); }
  std::uint32_t state_;
};

}  // namespace

int main() try {
  using namespace recurra::layers;
  constexpr Index count = 2000, depth = 50, tests = 40;
  Words training;
  Writer writer(1);
  for (Index i = 0; i < count; ++i) writer.add(training, pairs, 5, 1);

  recurra::FitOptions options;
  options.loss = recurra::Loss::cross_entropy;
  options.optimizer = recurra::Adam{.learning_rate = 2e-2};
  options.schedule = recurra::CosineDecay{.epochs = 30};
  options.epochs = 30;
  options.clip_norm = 1;
  const recurra::Data<float> data{{training.x.data(), count, 2 * pairs}, {nullptr, training.answer.data()}};
  const auto start = [](std::uint64_t seed) {
    return recurra::Network(
        {feedback({elman(symbols + width, units), stack_memory(64, width)}, 1, width), linear(units + width, answers)}, seed);
  };
  recurra::Network net = start(0);
  double least = INFINITY;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {  // some beginnings end in actions that are not sure of themselves
    recurra::Network tried = start(seed);
    const double loss = recurra::fit<float>(tried, data, nullptr, options).epochs.back().loss;
    if (loss < least) least = loss, net = std::move(tried);
  }

  Index right = 0;
  recurra::Stream stream(net);
  for (Index i = 0; i < tests; ++i) {  // symbol by symbol, as they come
    Words word;
    writer.add(word, depth, 0, depth);
    stream.reset();
    bool all = true;
    for (std::size_t t = 0; t < word.answer.size(); ++t) {
      float scores[answers];
      if (!stream.step({word.x.data() + t * symbols, symbols}, scores)) return EXIT_FAILURE;
      all = all && std::max_element(scores, scores + answers) - scores == word.answer[t];
    }
    right += all;
  }
  std::printf("least loss %.5f; %td of %td words %td deep are right at every step\n", least, right, tests, depth);
  return right >= tests * 9 / 10 ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception& error) {
  std::fprintf(stderr, "brackets: %s\n", error.what());
  return EXIT_FAILURE;
}
