// Which nodes of a graph are at most three edges away from a marked one? A network with three rounds of messages learns it on
// small graphs, is saved and loaded, and tells it of larger ones.
//   graph <model file>
#include <recurra/recurra.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using recurra::Index;

constexpr Index rounds = 3, features = 2;

struct Problem {
  std::vector<Index> sizes;
  recurra::Edges edges;
  std::vector<float> x;     // [nodes][features]: marked, and 1
  std::vector<float> near;  // by node
  recurra::Graphs graphs() const { return recurra::Graphs(sizes, edges); }
};

// Random graphs: a tree and a few edges more, each in both directions.
Problem draw(Index graphs, Index least, Index most, std::uint32_t state) {
  const auto below = [&](Index n) { return Index((state = state * 1664525u + 1013904223u) / 65536u % std::uint32_t(n)); };
  Problem problem;
  for (Index first = 0; graphs > 0; --graphs) {
    const Index size = least + below(most - least + 1);
    problem.sizes.push_back(size);
    const auto join = [&](Index a, Index b) {
      problem.edges.source.insert(problem.edges.source.end(), {first + a, first + b});
      problem.edges.target.insert(problem.edges.target.end(), {first + b, first + a});
    };
    for (Index v = 1; v < size; ++v) join(v, below(v));
    for (Index i = 0; i < size / 4; ++i) join(below(size), below(size));
    const Index marked = below(size);
    std::vector<Index> away(std::size_t(size), size);
    away[std::size_t(marked)] = 0;
    for (Index round = 0; round < size; ++round)  // relaxed until nothing changes
      for (std::size_t e = 0; e < problem.edges.source.size(); ++e) {
        const Index from = problem.edges.source[e] - first, to = problem.edges.target[e] - first;
        if (from >= 0 && away[std::size_t(from)] + 1 < away[std::size_t(to)]) away[std::size_t(to)] = away[std::size_t(from)] + 1;
      }
    for (Index v = 0; v < size; ++v) {
      problem.x.insert(problem.x.end(), {v == marked ? 1.0f : 0.0f, 1.0f});
      problem.near.push_back(away[std::size_t(v)] <= rounds ? 1.0f : 0.0f);
    }
    first += size;
  }
  return problem;
}

}  // namespace

int main(int argc, char** argv) try {
  using namespace recurra::layers;
  if (argc != 2) {
    std::fprintf(stderr, "usage: graph <model file>\n");
    return EXIT_FAILURE;
  }
  const Problem training = draw(400, 8, 20, 1), test = draw(100, 30, 60, 2);
  const recurra::Graphs small = training.graphs(), large = test.graphs();
  recurra::Network net(
      {graph_net(gru(16, 16), linear(16, 16), rounds, {{"aggregation", std::string("max")}, {"input_size", features}}),
       linear(16, 1)},
      1);
  recurra::FitOptions options;
  options.loss = recurra::Loss::binary_cross_entropy;
  options.optimizer = recurra::Adam{.learning_rate = 1e-2};
  options.epochs = 40;
  options.clip_norm = 1;
  const recurra::Data<float> data{recurra::Sequences<float>::over(small, training.x.data()), {training.near.data()}};
  const recurra::History history = recurra::fit<float>(net, data, nullptr, options);
  recurra::save(net, argv[1]);

  const recurra::Network loaded = recurra::load(argv[1]);
  std::vector<float> score(test.near.size());
  recurra::Runner(loaded).forward(recurra::Sequences<float>::over(large, test.x.data()), score.data());
  double right = 0;
  for (std::size_t v = 0; v < score.size(); ++v) right += (score[v] > 0) == (test.near[v] > 0);
  right /= double(score.size());
  std::printf("loss %.4f after %zu epochs; %td nodes of %td larger graphs: %.3f right\n", history.epochs.back().loss,
              history.epochs.size(), large.num_nodes(), large.num_graphs(), right);
  return right > 0.97 ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception& error) {
  std::fprintf(stderr, "graph: %s\n", error.what());
  return EXIT_FAILURE;
}
