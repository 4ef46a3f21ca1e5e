// Label every word of a sentence where its label depends on words far before it. The words of a made-up language: six nouns, a
// relative pronoun that opens a clause, a full stop that closes the one opened last, and "it", whose label is the class (animate
// or not) of the noun that the present clause began with. Clauses lie inside clauses, and nouns in between mislead a short
// memory.
//   labelling
// Beside the network, a guess by the last three words: the commonest label there was for them.
#include <recurra/recurra.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <vector>

namespace {

using recurra::Index;

constexpr Index longest = 24, words = 9, labels = 4;
enum Word : Index { opens = 6, closes = 7, it = 8 };        // 0 .. 5 are nouns, the first three of them animate
enum Label : std::int64_t { other, noun, animate, thing };  // of "it": animate or thing

struct Corpus {
  std::vector<float> x;  // [sentences][longest] word ids
  std::vector<std::int64_t> label;
  std::vector<std::uint8_t> mask;  // which labels are known
  std::vector<Index> lengths;
  recurra::Data<float> data() const {
    return {{x.data(), Index(lengths.size()), longest, lengths.data()}, {nullptr, label.data(), mask.data()}};
  }
};

Corpus write(Index sentences, std::uint32_t state) {
  const auto below = [&](std::uint32_t n) { return Index((state = state * 1664525u + 1013904223u) / 65536u % n); };
  Corpus corpus;
  for (Index i = 0; i < sentences; ++i) {
    corpus.lengths.push_back(longest / 2 + below(longest / 2 + 1));
    std::vector<Index> topics;  // of the clauses that are open
    bool begins = true;
    for (Index t = 0; t < longest; ++t) {
      Index word = below(6), label = noun;
      if (begins) {
        topics.push_back(word);
      } else if (const Index kind = below(10); kind < 2 && topics.size() < 3) {
        word = opens, label = other;
      } else if (kind < 4 && topics.size() > 1) {
        word = closes, label = other;
        topics.pop_back();
      } else if (kind < 7) {
        word = it, label = topics.back() < 3 ? animate : thing;
      }
      begins = word == opens;
      corpus.x.push_back(float(word));
      corpus.label.push_back(label);
      corpus.mask.push_back(below(5) > 0);  // one in five was never labelled
    }
  }
  return corpus;
}

// The share of right labels among those of "it"; guess(at, t) is asked word by word.
template <class Guess>
double accuracy(const Corpus& corpus, const Guess& guess) {
  double right = 0, count = 0;
  for (std::size_t i = 0; i < corpus.lengths.size(); ++i)
    for (Index t = 0; t < corpus.lengths[i]; ++t) {
      const std::size_t at = i * longest + std::size_t(t);
      const std::int64_t label = guess(at, t);
      if (Index(corpus.x[at]) != it) continue;
      right += label == corpus.label[at];
      ++count;
    }
  return right / count;
}

using Window = std::array<float, 3>;
Window window(const Corpus& corpus, std::size_t at, Index t) {
  return {t > 1 ? corpus.x[at - 2] : -1, t > 0 ? corpus.x[at - 1] : -1, corpus.x[at]};
}

double windowed(const Corpus& training, const Corpus& test) {
  std::map<Window, std::array<int, labels>> counts;
  for (std::size_t i = 0; i < training.lengths.size(); ++i)
    for (Index t = 0; t < training.lengths[i]; ++t) {
      const std::size_t at = i * longest + std::size_t(t);
      if (training.mask[at]) ++counts[window(training, at, t)][std::size_t(training.label[at])];
    }
  return accuracy(test, [&](std::size_t at, Index t) {
    const auto& row = counts[window(test, at, t)];
    return std::max_element(row.begin(), row.end()) - row.begin();
  });
}

}  // namespace

int main() try {
  using namespace recurra::layers;
  const Corpus training = write(1500, 1), test = write(300, 2);
  recurra::Network net({embedding(words, 12), lstm(12, 40), linear(40, labels)}, 1);
  recurra::FitOptions options;
  options.loss = recurra::Loss::cross_entropy;
  options.optimizer = recurra::Adam{.learning_rate = 1e-2};
  options.schedule = recurra::CosineDecay{.epochs = 25};
  options.epochs = 25;
  options.clip_norm = 1;
  const recurra::History history = recurra::fit<float>(net, training.data(), nullptr, options);
  std::printf("trained %zu epochs, loss %.4f\n", history.epochs.size(), history.epochs.back().loss);

  const auto best = [](const float* scores) { return std::max_element(scores, scores + labels) - scores; };
  std::vector<float> y(test.x.size() * labels);
  recurra::Runner(net).forward(test.data().x, y.data());
  const double ours = accuracy(test, [&](std::size_t at, Index) { return best(&y[at * labels]); });
  const double guess = windowed(training, test);

  recurra::Stream stream(net);  // word by word, from the beginning where a sentence begins
  const double streamed = accuracy(test, [&](std::size_t at, Index t) {
    std::array<float, labels> scores{};
    if (t == 0) stream.reset();
    if (!stream.step({&test.x[at], 1}, scores)) throw std::runtime_error("the stream refused a word");
    return best(scores.data());
  });
  std::printf("right labels of \"it\": LSTM %.3f  streamed %.3f  by three words %.3f\n", ours, streamed, guess);
  return ours > 0.95 && ours > guess + 0.1 && streamed == ours ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception& error) {
  std::fprintf(stderr, "labelling: %s\n", error.what());
  return EXIT_FAILURE;
}
