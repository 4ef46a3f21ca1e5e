// Descriptions, teachers and lengths that an EncoderDecoder refuses, each with its message.
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>

#include "translation_problem.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using test::symbols;
using test::Translation;
using test::Vector;
using test::with_bridge;

void refuse(std::vector<LayerSpec> layers, const std::string& message) {
  CAPTURE(message);
  CHECK_THROWS_WITH_AS(Network{layers}, ("Network: layer " + message).c_str(), std::invalid_argument);
}

}  // namespace

TEST_CASE("encoder-decoder: descriptions that do not fit are refused") {
  const LayerSpec words = embedding(7, 3), written = embedding(6, 3), out = linear(4, 5);
  const auto both = [&](std::vector<LayerSpec> decoder, const Options& options = symbols) {
    return std::vector{encoder_decoder({words, lstm(3, 4)}, std::move(decoder), options)};
  };
  const std::string here = "0 (EncoderDecoder) ";
  Network(both({written, lstm(3, 4), out}));

  // The decoder.
  refuse(both({written, bidirectional(lstm(3, 2)), out}),
         here + "has a decoder that looks ahead, expected outputs that are known step by step");
  refuse(both({written, lstm(3, 4), feedback({linear(9, 5)})}),
         here + "has a decoder with a Feedback inside, expected none: it is one");
  const LayerSpec learns = lstm(3, 4, {{"learned_initial_state", true}});
  for (const LayerSpec& layer : {learns, skip({residual({learns, linear(4, 3)})})})
    refuse(both({written, layer, linear(layer == learns ? 4 : 6, 5)}),
           here + "has a decoder that learns its initial state, but it begins with the encoder's");
  for (const Options& options : {Options{{"start", std::int64_t(1)}}, Options{{"end", std::int64_t(1)}}})
    refuse(both({lstm(3, 4), linear(4, 3)}, options),
           here + "has a decoder without an Embedding, but a start or end: expected them of symbols");
  refuse(both({lstm(3, 4), linear(4, 2)}, {}),
         here + "has a decoder from 3 to 2 features, expected the same number: its outputs are its inputs");
  refuse(both({embedding(4, 3), lstm(3, 4), out}, {{"start", std::int64_t(0)}}),
         here + "has a decoder with 4 embeddings for 5 classes, expected one for each");
  refuse(both({written, lstm(3, 4), out}, {}), here + "lacks the option 'start', expected an integer");
  refuse(both({written, lstm(3, 4), out}, {{"start", std::int64_t(6)}}), here + "has start = 6, expected 0 .. 5");
  refuse(both({written, lstm(3, 4), out}, {{"start", std::int64_t(-1)}}), here + "has start = -1, expected 0 .. 5");
  refuse(both({written, lstm(3, 4), out}, {{"start", 1.0}}), here + "has an option 'start' that is not an integer");

  // The whole.
  const LayerSpec whole = both({written, lstm(3, 4), out})[0];
  const std::string not_alone = "(EncoderDecoder) is not the only layer, expected a network of its own";
  refuse({linear(2, 3), whole}, "1 " + not_alone);
  refuse({whole, linear(5, 3)}, "0 " + not_alone);
  refuse({residual({whole})}, "0 (Residual), 0 " + not_alone);
  refuse({chain({whole})}, "0 (Chain), 0 " + not_alone);
  refuse({bidirectional(whole)}, "0 (Bidirectional), 0 " + not_alone);
  const std::string two = here + "expects two chains inside: the encoder's layers and the decoder's";
  refuse({{"EncoderDecoder", {}, {}}}, two);
  refuse({{"EncoderDecoder", symbols, {whole.children[0]}}}, two);
  refuse({{"EncoderDecoder", symbols, {whole.children[0], whole.children[1], out}}}, two);
  refuse({{"EncoderDecoder", symbols, {lstm(3, 4), whole.children[1]}}}, two);
  refuse({{"EncoderDecoder", symbols, {whole.children[0], lstm(3, 4)}}}, two);
  refuse({encoder_decoder({}, {written, lstm(3, 4), out}, symbols)},
         "0 (EncoderDecoder), 0 (Chain) has no layers inside, expected at least one");
  refuse(both({written, lstm(3, 4), out}, {{"start", std::int64_t(5)}, {"end", std::int64_t(5)}}),
         here + "has end = 5, expected 0 .. 4");
  refuse(both({written, lstm(3, 4), out}, {{"start", std::int64_t(5)}, {"bridge", "mlp"}}),
         here + "has bridge = 'mlp', expected 'linear'");
  refuse(both({written, lstm(3, 4), out}, {{"start", std::int64_t(5)}, {"middle", std::int64_t(5)}}),
         here + "has an unknown option 'middle'");
  refuse({encoder_decoder({words, linear(3, 4)}, {written, lstm(3, 4), out}, with_bridge(symbols))},
         here + "has a bridge between states, but one side has none");
  refuse({encoder_decoder({words, lstm(3, 4)}, {written, linear(3, 5)}, with_bridge(symbols))},
         here + "has a bridge between states, but one side has none");
  const std::string expected = ", expected the same states, or bridge = 'linear'";
  refuse({encoder_decoder({words, gru(3, 4)}, {written, lstm(3, 4), out}, symbols)},
         here + "has an encoder that ends with 1.h of 4 and a decoder that begins with 1.h of 4, 1.c of 4" + expected);
  refuse({encoder_decoder({words, lstm(3, 6)}, {written, lstm(3, 4), out}, symbols)},
         here + "has an encoder that ends with 1.h of 6, 1.c of 6 and a decoder that begins with 1.h of 4, 1.c of 4" + expected);
  refuse({encoder_decoder({words, linear(3, 4)}, {written, elman(3, 4), out}, symbols)},
         here + "has an encoder that ends with no states and a decoder that begins with 1.h of 4" + expected);
  refuse({encoder_decoder({words, bidirectional(lstm(3, 4), gru(3, 4))}, {written, lstm(3, 8), linear(8, 5)}, symbols)},
         here +
             "has an encoder that ends with 1.forward.h of 4, 1.forward.c of 4, 1.reverse.h of 4 and a decoder that begins "
             "with 1.h of 8, 1.c of 8" +
             expected);
  refuse({encoder_decoder({words, lstm(3, 4), layers::max()}, {written, lstm(3, 4), out}, symbols)},
         "0 (EncoderDecoder), 0 (Chain) has a layer inside that pools over time, expected it outside");
  refuse(
      {encoder_decoder({words, lstm(3, 4), words}, {written, lstm(3, 4), out}, symbols)},
      "0 (EncoderDecoder), 0 (Chain), 2 (Embedding) takes class ids, expected it as the first layer of a network, an encoder or "
      "a decoder");
  const Options far{{"dilation", std::int64_t(1) << 27}, {"input_size", std::int64_t(3)}};
  refuse({encoder_decoder({delay(1, far), linear(6, 4)}, {delay(1, far), linear(6, 3)}, test::linear_bridge)},
         here + "has sizes whose product overflows");
}

TEST_CASE("encoder-decoder: attention that does not fit is refused") {
  const auto with = [](std::vector<LayerSpec> decoder) {
    return std::vector{encoder_decoder({embedding(7, 3), gru(3, 4)}, std::move(decoder), symbols)};
  };
  const LayerSpec written = embedding(6, 3);
  const std::string here = "0 (EncoderDecoder), 1 (Chain), 2 (Attention) ";
  const std::string nothing = "(Attention) has nothing to attend to, expected it in the decoder of an EncoderDecoder";
  refuse({linear(2, 3), dot_attention()}, "1 " + nothing);
  refuse({feedback({linear(3, 3), additive_attention(2)})}, "0 (Feedback), 1 " + nothing);
  refuse({encoder_decoder({embedding(7, 3), gru(3, 4), dot_attention()}, {written, gru(3, 4), linear(4, 5)}, symbols)},
         "0 (EncoderDecoder), 0 (Chain), 2 " + nothing);
  refuse(with({written, dot_attention(), gru(7, 4), linear(4, 5)}),
         "0 (EncoderDecoder), 1 (Chain), 1 (Attention) multiplies 3 features by the encoder's 4, expected the same number for "
         "score = 'dot'");
  refuse(with({additive_attention(2), gru(7, 4), linear(4, 3)}),
         "0 (EncoderDecoder), 1 (Chain), 0 (Attention) needs a layer before it that fixes the number of features");
  const auto attention = [&](const Options& options) { return with({written, gru(3, 4), {"Attention", options}, linear(8, 5)}); };
  refuse(attention({}), here + "lacks the option 'score', expected a text");
  refuse(attention({{"score", "cosine"}}), here + "has score = 'cosine', expected 'dot' or 'additive'");
  refuse(attention({{"score", "additive"}}), here + "lacks the option 'size', expected an integer");
  refuse(attention({{"score", "additive"}, {"size", std::int64_t(0)}}), here + "has size = 0, expected at least 1");
  refuse(attention({{"score", "dot"}, {"size", std::int64_t(2)}}), here + "has an unknown option 'size'");
  refuse(attention({{"score", "additive"}, {"size", std::numeric_limits<std::int64_t>::max() - 1}}),
         here + "has sizes whose product overflows");
  LayerSpec full = dot_attention();
  full.children.push_back(linear(4, 4));
  refuse(with({written, gru(3, 4), full, linear(8, 5)}), here + "has layers inside, expected none");
}

TEST_CASE("encoder-decoder: teachers, lengths and sampling that do not fit are refused, nothing has changed") {
  const Translation symbols_problem({test::translation_cases()[0].layer}), values_problem({test::translation_cases()[7].layer});
  const auto refuse_run = [](const Translation& problem, const Sequences<double>& x, const RunOptions& options,
                             const std::string& message, bool learns = true) {
    CAPTURE(message);
    BasicRunner<double> runner(problem.network);
    Vector y(problem.values.size(), 7.0), gradient(problem.network.flat().size(), 7.0);
    const auto check = [&](const char* function, auto run) {
      const bool named = message.starts_with(": ");
      CHECK_THROWS_WITH_AS(run(), ((named ? function : "") + message).c_str(), std::invalid_argument);
    };
    check("forward", [&] { runner.forward(x, y.data(), nullptr, options); });
    if (learns) {
      check("loss", [&] { runner.loss(x, problem.target(), problem.loss(), nullptr, options); });
      check("loss_and_gradient",
            [&] { runner.loss_and_gradient(x, problem.target(), problem.loss(), gradient.data(), nullptr, options); });
    }
    CHECK(y == Vector(y.size(), 7.0));
    CHECK(gradient == Vector(gradient.size(), 7.0));
  };
  const Sequences<double> good = symbols_problem.sequences();
  Sequences<double> x = good;
  x.target_time = 0;
  refuse_run(symbols_problem, x, {}, ": target_time is 0, expected at least 1");
  for (const Index bad : {Index(-1), Index(5)}) {
    std::vector<Index> lengths = symbols_problem.target_lengths;
    lengths[3] = bad;
    x = good;
    x.target_lengths = lengths.data();
    refuse_run(symbols_problem, x, {}, ": target_lengths[3] is " + std::to_string(bad) + ", expected 0 .. 4");
  }
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [sampling, text] : {std::pair{-0.5, "-0.5"}, {1.5, "1.5"}, {nan, "nan"}})
    refuse_run(symbols_problem, good, {.sampling = sampling}, std::string(": sampling is ") + text + ", expected 0 .. 1");
  refuse_run(symbols_problem, good, {.sampling = 0.5}, ": sampling is 0.5 without a teacher, expected one to sample from", false);

  for (const auto& [id, text] : {std::pair{6.0, "6"}, {-1.0, "-1"}, {0.5, "0.5"}}) {
    Vector teacher(std::size_t(symbols_problem.batch * symbols_problem.target_time), 1.0);
    teacher[std::size_t(3 * 4 + 2)] = id;
    x = good;
    x.teacher = teacher.data();
    refuse_run(symbols_problem, x, {},
               std::string("teacher has the class id ") + text + " at (batch 3, time 2), expected 0 .. 5");
  }
  Vector teacher = values_problem.values;
  teacher[std::size_t((3 * 4 + 2) * 3 + 1)] = nan;
  x = values_problem.sequences();
  x.teacher = teacher.data();
  refuse_run(values_problem, x, {},
             "teacher has the non-finite value nan at (batch 3, time 2, feature 1), expected finite values");

  // Networks that do not decode.
  const auto refuse_plain = [&](std::vector<LayerSpec> layers, const Sequences<double>& plain, const std::string& message) {
    const BasicNetwork<double> network(std::move(layers));
    Vector y(100, 7.0);
    CHECK_THROWS_WITH_AS(BasicRunner<double>(network).forward(plain, y.data()), ("forward: " + message).c_str(),
                         std::invalid_argument);
    CHECK(y == Vector(100, 7.0));
  };
  const Vector zeros(100);
  Sequences<double> plain{zeros.data(), 2, 3};
  plain.teacher = zeros.data();
  const std::string reaches = " Feedback layers that it reaches, expected one";
  refuse_plain({linear(2, 3)}, plain, "a teacher is given, but the network has 0" + reaches);
  refuse_plain({feedback({linear(4, 2)}), feedback({linear(5, 3)})}, plain,
               "a teacher is given, but the network has 2" + reaches);
  const std::string lengths = "the target has lengths of its own, expected none: the network does not decode";
  plain = {zeros.data(), 2, 3};
  plain.target_time = 3;
  refuse_plain({linear(2, 3)}, plain, lengths);
  const Index three[] = {3, 3};
  plain.target_time = 0;
  plain.target_lengths = three;
  refuse_plain({linear(2, 3)}, plain, lengths);
}
