// Decoding: beam search over made-up probabilities against all sequences there are, and decode() against the log probabilities
// a runner gives them.
#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>

#include "learning/beam.h"
#include "recurra/threads.h"
#include "translation_problem.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using test::difference;
using test::Vector;
using Symbols = std::vector<std::int64_t>;

// The log probabilities of what comes after some symbols.
using Table = std::function<Vector(const Symbols&)>;

Table random_table(std::uint64_t seed, Index symbols) {
  return [=](const Symbols& before) {
    std::uint64_t key = seed;
    for (const std::int64_t symbol : before) key = mix(key, std::uint64_t(symbol) + 1);
    const Vector scores = test::random_vector(key, symbols, 2);
    return test::log_probabilities(scores.data(), symbols);
  };
}

std::vector<Decoded> search(const Table& table, const DecodeOptions& options, std::optional<Index> end, Index symbols) {
  Beam beam(options, end);
  std::vector<Symbols> live{{}};
  Index steps = 0;
  while (beam.size() > 0) {
    REQUIRE(++steps <= options.max_length);
    Vector rows;
    for (const Symbols& before : live) {
      const Vector row = table(before);
      rows.insert(rows.end(), row.begin(), row.end());
    }
    beam.advance(rows.data(), symbols);
    std::vector<Symbols> next;
    for (Index i = 0; i < beam.size(); ++i) {
      next.push_back(live[std::size_t(beam.parent(i))]);
      next.back().push_back(beam.symbol(i));
    }
    live = std::move(next);
  }
  return beam.result();
}

// Every sequence there is, the best first.
std::vector<Decoded> enumerate(const Table& table, const DecodeOptions& options, std::optional<Index> end, Index symbols) {
  std::vector<Decoded> all;
  const std::function<void(const Decoded&)> extend = [&](const Decoded& before) {
    const Vector row = table(before.symbols);
    for (Index symbol = 0; symbol < symbols; ++symbol) {
      Decoded next = before;
      next.log_probability += row[std::size_t(symbol)];
      next.ended = symbol == end;
      if (!next.ended) next.symbols.push_back(symbol);
      const double length = double(next.symbols.size() + next.ended);
      next.score = next.log_probability / std::pow(length, options.length_power);
      if (next.ended || Index(length) == options.max_length)
        all.push_back(next);
      else
        extend(next);
    }
  };
  extend({});
  std::stable_sort(all.begin(), all.end(),
                   [](const Decoded& a, const Decoded& b) { return a.ended != b.ended ? a.ended : a.score > b.score; });
  return all;
}

// Beam search that goes on to the longest sequences: at each step the likeliest ways on, until `beam` of them do not end.
std::vector<Decoded> search_all(const Table& table, const DecodeOptions& options, Index end, Index symbols) {
  std::vector<Decoded> live{{}}, ended;
  const auto rank = [&](std::vector<Decoded>& list) {
    for (Decoded& d : list) d.score = d.log_probability / std::pow(double(d.symbols.size() + d.ended), options.length_power);
    std::stable_sort(list.begin(), list.end(), [](const Decoded& a, const Decoded& b) { return a.score > b.score; });
  };
  for (Index t = 0; t < options.max_length; ++t) {
    std::vector<Decoded> ways;
    for (const Decoded& before : live) {
      const Vector row = table(before.symbols);
      for (Index symbol = 0; symbol < symbols; ++symbol) {
        ways.push_back(before);
        ways.back().log_probability += row[std::size_t(symbol)];
        ways.back().ended = symbol == end;
        if (symbol != end) ways.back().symbols.push_back(symbol);
      }
    }
    std::stable_sort(ways.begin(), ways.end(),
                     [](const Decoded& a, const Decoded& b) { return a.log_probability > b.log_probability; });
    live.clear();
    for (const Decoded& way : ways)
      if (Index(live.size()) < options.beam) (way.ended ? ended : live).push_back(way);
  }
  rank(ended);
  rank(live);
  ended.insert(ended.end(), live.begin(), live.end());
  if (Index(ended.size()) > options.beam) ended.resize(std::size_t(options.beam));
  return ended;
}

void check_equal(const std::vector<Decoded>& actual, const std::vector<Decoded>& expected, double tolerance = 1e-12) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    CHECK(actual[i].symbols == expected[i].symbols);
    CHECK(actual[i].ended == expected[i].ended);
    CHECK(difference(actual[i].log_probability, expected[i].log_probability) < tolerance);
    CHECK(difference(actual[i].score, expected[i].score) < tolerance);
  }
}

}  // namespace

TEST_CASE("decode: a beam as wide as there are sequences finds and ranks all of them") {
  for (const std::uint64_t seed : {1, 2, 3})
    for (const Index symbols : {2, 3})
      for (const Index longest : {1, 2, 4})
        for (const double power : {0.0, 0.5, 1.0, 2.0})
          for (const std::optional<Index> end : {std::optional<Index>(1), std::optional<Index>()}) {
            CAPTURE(longest);
            const Table table = random_table(seed, symbols);
            const DecodeOptions options{.max_length = longest, .beam = 200, .length_power = power};
            const std::vector<Decoded> all = enumerate(table, options, end, symbols);
            check_equal(search(table, options, end, symbols), all);
            double total = 0;
            for (const Decoded& decoded : all) total += std::exp(decoded.log_probability);
            CHECK(total == doctest::Approx(1));
          }
}

TEST_CASE("decode: a beam of 1 takes the likeliest symbol at each step") {
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (const std::optional<Index> end : {std::optional<Index>(2), std::optional<Index>()}) {
      const Table table = random_table(seed, 4);
      const DecodeOptions options{.max_length = 6};
      Decoded expected;
      for (Index t = 0; t < 6 && !expected.ended; ++t) {
        const Vector row = table(expected.symbols);
        const Index symbol = test::largest(row.data(), 4);
        expected.log_probability += row[std::size_t(symbol)];
        expected.ended = symbol == end;
        if (!expected.ended) expected.symbols.push_back(symbol);
      }
      expected.score = expected.log_probability / double(expected.symbols.size() + expected.ended);
      check_equal(search(table, options, end, 4), {expected});
    }
}

TEST_CASE("decode: a narrow beam stops when nothing it follows could win, and not before") {
  std::size_t early = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed)
    for (const Index beam : {2, 3, 5, 8})
      for (const double power : {-0.5, 0.0, 0.7, 1.0, 3.0}) {
        CAPTURE(seed);
        CAPTURE(beam);
        CAPTURE(power);
        const DecodeOptions options{.max_length = 7, .beam = beam, .length_power = power};
        std::size_t longest = 0;
        const Table table = random_table(seed, 3), watched = [&](const Symbols& before) {
          longest = std::max(longest, before.size() + 1);
          return table(before);
        };
        const std::vector<Decoded> found = search(watched, options, 0, 3);
        check_equal(found, search_all(table, options, 0, 3));
        early += longest < 7;
        const std::vector<Decoded> all = enumerate(table, options, 0, 3);
        CHECK(found[0].score <= all[0].score + 1e-12);
      }
  CHECK(early > 100);
}

TEST_CASE("decode: by hand - a beam looks further than greedy, length_power lets longer ones win, ties keep their order") {
  // Symbols a = 0, b = 1, end = 2.
  const auto logs = [](double a, double b, double end) { return Vector{std::log(a), std::log(b), std::log(end)}; };
  const Table garden_path = [&](const Symbols& before) {
    if (before.empty()) return logs(0.55, 0.4, 0.05);
    return before[0] == 0 ? logs(0.35, 0.33, 0.32) : logs(0.05, 0.05, 0.9);
  };
  const auto best = [](const Table& table, const DecodeOptions& options, std::optional<Index> end = 2) {
    return search(table, options, end, 3).front();
  };
  CHECK(best(garden_path, {.max_length = 2}).symbols == Symbols{0, 0});
  CHECK_FALSE(best(garden_path, {.max_length = 2}).ended);
  const Decoded found = best(garden_path, {.max_length = 2, .beam = 2});
  CHECK(found.symbols == Symbols{1});
  CHECK(found.ended);
  CHECK(found.log_probability == doctest::Approx(std::log(0.36)));
  CHECK(found.score == doctest::Approx(std::log(0.36) / 2));

  const Table short_or_long = [&](const Symbols& before) {
    return before.empty() ? logs(0.5, 0.1, 0.4) : before.size() == 1 ? logs(0.2, 0.1, 0.7) : logs(0.1, 0.1, 0.8);
  };
  CHECK(best(short_or_long, {.max_length = 3, .beam = 9, .length_power = 0}).symbols == Symbols{});
  CHECK(best(short_or_long, {.max_length = 3, .beam = 9, .length_power = 1}).symbols == Symbols{0});

  const Table even = [](const Symbols&) { return Vector(3, std::log(1.0 / 3)); };
  const std::vector<Decoded> first = search(even, {.max_length = 2, .beam = 4, .length_power = 0}, std::nullopt, 3);
  REQUIRE(first.size() == 4);
  const std::vector<Symbols> expected{{0, 0}, {0, 1}, {0, 2}, {1, 0}};
  for (std::size_t i = 0; i < 4; ++i) CHECK(first[i].symbols == expected[i]);
  // Nothing but the end: one hypothesis, though the beam has room for more.
  Beam only(DecodeOptions{.beam = 3}, 0);
  const double certain = 0;
  only.advance(&certain, 1);
  CHECK(only.size() == 0);
  const std::vector<Decoded> nothing = only.result();
  REQUIRE(nothing.size() == 1);
  CHECK(nothing[0].symbols.empty());
  CHECK(nothing[0].ended);
}

namespace {

constexpr Index num_classes = 3;

BasicNetwork<double> small_network(const LayerSpec& attention, bool ends = true) {
  Options options{{"start", num_classes}};
  if (ends) options["end"] = std::int64_t(0);
  BasicNetwork<double> network({encoder_decoder(
      {embedding(7, 3), gru(3, 4)}, {embedding(num_classes + 1, 3), gru(3, 4), attention, linear(8, num_classes)}, options)});
  const Vector params = test::random_vector(5, Index(network.flat().size()), 1.2);
  std::copy(params.begin(), params.end(), network.flat().begin());
  return network;
}

// Sentences of 7 words, `time` long at most, some of them empty.
struct Sentences {
  Sentences(Index batch, Index time) : count(batch), longest(time), x(test::random_vector(6, batch * time)) {
    for (double& id : x) id = std::floor((id + 1) / 2 * 7);
    for (Index i = 0; i < batch; ++i) lengths.push_back((i * 3 + 2) % (time + 1));
  }
  Sequences<double> sequences() const { return {x.data(), count, longest, lengths.data()}; }
  Index count, longest;
  Vector x;
  std::vector<Index> lengths;
};

}  // namespace

TEST_CASE("decode: what it finds = the best of all sequences by the runner's log probabilities") {
  for (const LayerSpec& attention : {dot_attention(), additive_attention(3), skip({linear(4, 4)})})
    for (const bool ends : {true, false}) {
      CAPTURE(attention.type);
      const BasicNetwork<double> network = small_network(attention, ends);
      BasicRunner<double> runner(network);
      const Sentences sentences(5, 4);
      const std::optional<Index> end = ends ? std::optional<Index>(0) : std::nullopt;
      for (const double power : {0.0, 1.0}) {
        const DecodeOptions options{.max_length = 4, .beam = 100, .length_power = power};
        const auto found = decode(network, sentences.sequences(), options);
        REQUIRE(found.size() == 5);
        for (Index row = 0; row < 5; ++row) {
          // The last step's log probabilities, the symbols before as a teacher.
          const Table table = [&](const Symbols& before) {
            const Index steps = Index(before.size()) + 1;
            Vector teacher(before.begin(), before.end()), y(std::size_t(steps * num_classes));
            teacher.push_back(0);  // nobody sees it
            Sequences<double> x = sentences.sequences();
            x.rows = &row;
            x.batch = 1;
            x.target_time = steps;
            // Row `row` of a teacher with that many rows.
            Vector all(std::size_t((row + 1) * steps));
            std::copy(teacher.begin(), teacher.end(), all.begin() + row * steps);
            x.teacher = all.data();
            runner.forward(x, y.data());
            return test::log_probabilities(y.data() + (steps - 1) * num_classes, num_classes);
          };
          const std::vector<Decoded> all = enumerate(table, options, end, num_classes);
          CHECK(all.size() == (ends ? 31u : 81u));
          check_equal(found[std::size_t(row)], all);
          const auto narrow = decode(network, sentences.sequences(), {.max_length = 4, .beam = 3, .length_power = power});
          check_equal(narrow[std::size_t(row)],
                      search(table, {.max_length = 4, .beam = 3, .length_power = power}, end, num_classes));
        }
      }
    }
}

TEST_CASE("decode: batches, their order, pieces and threads do not matter; single precision finds the same") {
  const int before = num_threads();
  const BasicNetwork<double> network = small_network(additive_attention(3));
  const Sentences sentences(40, 6);
  BasicNetwork<float> near(network.layers());
  std::copy(network.flat().begin(), network.flat().end(), near.flat().begin());
  const std::vector<float> near_x(sentences.x.begin(), sentences.x.end());
  for (const Index beam : {1, 4, 60}) {  // 256, 64 and 4 sentences side by side
    CAPTURE(beam);
    const DecodeOptions options{.max_length = 7, .beam = beam};
    set_num_threads(1);
    const auto together = decode(network, sentences.sequences(), options);
    const auto single = decode<float>(near, {near_x.data(), 40, 6, sentences.lengths.data()}, options);
    std::vector<Index> rows;
    for (Index i = 0; i < 40; ++i) rows.push_back(i * 7 % 40);
    Sequences<double> turned = sentences.sequences();
    turned.rows = rows.data();
    for (const int threads : {1, 2, 3}) {
      set_num_threads(threads);
      const auto found = decode(network, turned, options);
      for (std::size_t i = 0; i < 40; ++i) check_equal(found[i], together[std::size_t(rows[i])], 1e-13);
    }
    for (Index i = 0; i < 40; ++i) {
      Sequences<double> one = sentences.sequences();
      one.rows = &i;
      one.batch = 1;
      check_equal(decode(network, one, options)[0], together[std::size_t(i)], 1e-13);
      CHECK(single[std::size_t(i)][0].symbols == together[std::size_t(i)][0].symbols);
      CHECK(difference(single[std::size_t(i)][0].score, together[std::size_t(i)][0].score) < 1e-5);
    }
  }
  set_num_threads(before);
}

TEST_CASE("decode: what it refuses, and how it is interrupted") {
  const BasicNetwork<double> network = small_network(dot_attention());
  const Sentences sentences(3, 4);
  const auto refuse = [&](const BasicNetwork<double>& net, const Sequences<double>& x, const DecodeOptions& options,
                          const char* message) { CHECK_THROWS_WITH_AS(decode(net, x, options), message, std::invalid_argument); };
  const char* no_symbols =
      "decode: the network does not write symbols, expected an EncoderDecoder with an Embedding first in its decoder";
  refuse(BasicNetwork<double>({linear(1, 2)}), sentences.sequences(), {}, no_symbols);
  refuse(BasicNetwork<double>({encoder_decoder({gru(1, 4)}, {gru(2, 4), linear(4, 2)})}), sentences.sequences(), {}, no_symbols);
  refuse(network, sentences.sequences(), {.max_length = 0}, "decode: max_length is 0, expected at least 1");
  refuse(network, sentences.sequences(), {.beam = 0}, "decode: beam is 0, expected at least 1");
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    refuse(network, sentences.sequences(), {.length_power = bad}, "decode: length_power is not finite, expected a number");
  refuse(network, {sentences.x.data(), 0, 4}, {}, "decode: x has batch 0 and time 4, expected at least 1 of each");
  const Index longer[] = {1, 5, 2};
  refuse(network, {sentences.x.data(), 3, 4, longer}, {}, "decode: lengths[1] is 5, expected 0 .. 4");
  Vector x = sentences.x;
  x[5] = 7;
  refuse(network, {x.data(), 3, 4}, {}, "x has the class id 7 at (batch 1, time 1), expected 0 .. 6");
  int asked = 0;
  CHECK_THROWS_AS(decode(network, sentences.sequences(), {.interrupt = [&] { return ++asked == 3; }}), InterruptedBatch);
  CHECK(asked == 3);
  CHECK(decode(network, sentences.sequences(), {.interrupt = [] { return false; }}).size() == 3);
}

TEST_CASE("decode: scores that are no numbers are refused, nothing is ranked by them") {
  BasicNetwork<double> network = small_network(dot_attention());
  const Sentences sentences(3, 4);
  for (double& bias : network.parameter("0.decoder.3.bias")) bias = 1e308;
  for (double& weight : network.parameter("0.decoder.3.weight")) weight = 1e308;
  CHECK_THROWS_WITH_AS(decode(network, sentences.sequences(), {.beam = 2}),
                       "decode: the network's scores are not finite, expected finite values", std::overflow_error);
}
