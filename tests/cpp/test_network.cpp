// Networks: names and shapes of parameters and states, seeds, and every description that is refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "allocations.h"
#include "network/model.h"
#include "recurra/cell_registry.h"
#include "recurra/state.h"
#include "test_cells.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using doctest::Contains;

void refuse(std::vector<LayerSpec> specs, const char* message) {
  CHECK_THROWS_WITH_AS(Network{specs}, Contains(message), std::invalid_argument);
  CHECK_THROWS_WITH_AS(BasicNetwork<double>{specs}, Contains(message), std::invalid_argument);
}

// "0.weight_ih(20, 3) ..."
std::string shapes(const std::vector<LayerSpec>& specs) {
  std::string text;
  const Network network(specs);
  Index end = 0;
  for (const Parameter& parameter : network.parameters()) {
    text += (text.empty() ? "" : " ") + parameter.name + "(";
    Index size = 1;
    for (std::size_t i = 0; i < parameter.shape.size(); ++i) {
      text += (i ? ", " : "") + std::to_string(parameter.shape[i]);
      size *= parameter.shape[i];
    }
    text += ")";
    CHECK(parameter.offset == end);
    CHECK(parameter.size == size);
    end += size;
  }
  CHECK(end == Index(network.flat().size()));
  return text;
}

std::string states(const std::vector<LayerSpec>& specs) {
  std::string text;
  const Network network(specs);
  Index end = 0;
  for (const StateBlock& block : network.state_blocks()) {
    text += (text.empty() ? "" : " ") + block.name + ":" + std::to_string(block.width);
    CHECK(block.offset == end);
    end += block.width;
  }
  CHECK(end == network.state_size());
  return text;
}

}  // namespace

TEST_CASE("network: names and shapes of the parameters") {
  CHECK(shapes({lstm(3, 5), linear(5, 2)}) == "0.weight_ih(20, 3) 0.weight_hh(20, 5) 0.bias(20) 1.weight(2, 5) 1.bias(2)");
  CHECK(shapes({gru(3, 5)}) == "0.weight_ih(15, 3) 0.weight_hh(15, 5) 0.bias(20)");
  CHECK(shapes({elman(3, 5)}) == "0.weight_ih(5, 3) 0.weight_hh(5, 5) 0.bias(5)");
  CHECK(shapes({embedding(7, 4), mean(), layers::tanh(), dropout(0.5)}) == "0.weight(7, 4)");
  CHECK(shapes({gru(3, 5, "before")}) == "0.weight_ih(15, 3) 0.weight_hh(10, 5) 0.weight_mh(5, 5) 0.bias(15)");
  CHECK(shapes({lstm(3, 5, {{"peephole", "current"}})}) ==
        "0.weight_ih(20, 3) 0.weight_hh(20, 5) 0.bias(20) 0.peephole_i(5) 0.peephole_f(5) 0.peephole_o(5)");
  CHECK(shapes({delay(2, {{"input_size", std::int64_t(3)}}), linear(9, 2)}) == "1.weight(2, 9) 1.bias(2)");
  CHECK(shapes({linear(3, 2), feedback({linear(8, 4), layers::tanh(), linear(4, 3)}, 2)}) ==
        "0.weight(2, 3) 0.bias(2) 1.0.weight(4, 8) 1.0.bias(4) 1.2.weight(3, 4) 1.2.bias(3)");
  const Options symbols{{"start", std::int64_t(4)}}, bridge{{"start", std::int64_t(4)}, {"bridge", "linear"}};
  CHECK(shapes({encoder_decoder({embedding(7, 3), gru(3, 2)}, {embedding(5, 3), gru(3, 2), dot_attention(), linear(4, 4)},
                                symbols)}) ==
        "0.encoder.0.weight(7, 3) 0.encoder.1.weight_ih(6, 3) 0.encoder.1.weight_hh(6, 2) 0.encoder.1.bias(8) "
        "0.decoder.0.weight(5, 3) 0.decoder.1.weight_ih(6, 3) 0.decoder.1.weight_hh(6, 2) 0.decoder.1.bias(8) "
        "0.decoder.3.weight(4, 4) 0.decoder.3.bias(4)");
  CHECK(shapes({encoder_decoder({bidirectional(elman(1, 3))},
                                {embedding(5, 2), elman(2, 4), additive_attention(3), linear(10, 4)}, bridge)}) ==
        "0.encoder.0.forward.weight_ih(3, 1) 0.encoder.0.forward.weight_hh(3, 3) 0.encoder.0.forward.bias(3) "
        "0.encoder.0.reverse.weight_ih(3, 1) 0.encoder.0.reverse.weight_hh(3, 3) 0.encoder.0.reverse.bias(3) "
        "0.decoder.0.weight(5, 2) 0.decoder.1.weight_ih(4, 2) 0.decoder.1.weight_hh(4, 4) 0.decoder.1.bias(4) "
        "0.decoder.2.weight_query(3, 4) 0.decoder.2.weight_key(3, 6) 0.decoder.2.bias(3) 0.decoder.2.weight_score(1, 3) "
        "0.decoder.3.weight(4, 10) 0.decoder.3.bias(4) 0.bridge.weight(4, 6) 0.bridge.bias(4)");
  CHECK(shapes({cell("TestDiagonalLstm", 3, 5)}) == "0.weight_ih(15, 3) 0.weight_sh(5, 5) 0.bias(15) 0.u0(5) 0.u1(5)");
}

TEST_CASE("network: names and widths of the states") {
  CHECK(states({lstm(3, 5), gru(5, 4), linear(4, 2)}) == "0.h:5 0.c:5 1.h:4");
  CHECK(states({linear(3, 5), mean()}) == "1.mean:5 1.count:1");
  CHECK(states({linear(3, 5), layers::max()}) == "1.max:5 1.count:1");
  CHECK(states({linear(3, 5), last()}) == "");
  CHECK(states({delay(2, {{"input_size", std::int64_t(3)}, {"dilation", std::int64_t(4)}}), gru(9, 2)}) == "0.x:24 1.h:2");
  CHECK(states({feedback({lstm(9, 2), delay(1), linear(4, 3)}, 2)}) == "0.y:6 0.0.h:2 0.0.c:2 0.1.x:2");
  CHECK(states({encoder_decoder({gru(1, 2)}, {gru(3, 2), linear(2, 3)})}) == "");
  CHECK(states({cell("TestDiagonalLstm", 3, 5)}) == "0.s1:5");
}

TEST_CASE("network: what it takes and gives") {
  const Network plain({lstm(3, 5), linear(5, 2)}), text({embedding(7, 4), gru(4, 5), last(), linear(5, 2)});
  CHECK(plain.input_size() == 3);
  CHECK(plain.output_size() == 2);
  CHECK_FALSE(plain.takes_ids());
  CHECK_FALSE(plain.pools());
  CHECK(text.input_size() == 1);
  CHECK(text.takes_ids());
  CHECK(text.num_ids() == 7);
  CHECK(text.pools());
  CHECK(plain.layers() == std::vector<LayerSpec>{lstm(3, 5), linear(5, 2)});
  CHECK(to_string(elman(3, 5, "relu")) == "Elman(activation=relu, hidden_size=5, input_size=3)");
  const Network narx({delay(1, {{"input_size", std::int64_t(3)}}), feedback({linear(10, 2)}, 2)});
  CHECK(narx.input_size() == 3);
  CHECK(narx.teacher_size() == 2);
  CHECK_FALSE(narx.decodes());
  CHECK(Network({feedback({linear(4, 2)}, 2)}).input_size() == 0);
  CHECK(plain.teacher_size() == 0);
  CHECK(to_string(feedback({linear(4, 2)}, 2)) == "Feedback(Linear(input_size=4, output_size=2), delays=2)");
  CHECK(to_string(last()) == "Last()");
  CHECK(to_string(dropout(0.5)) == "Dropout(probability=0.5)");
  CHECK(to_string({"Wrapper", {{"on", true}}, {lstm(1, 2)}}) == "Wrapper(LSTM(hidden_size=2, input_size=1), on=true)");
}

TEST_CASE("network: parameters are views by name into one vector; a copy is a copy") {
  Network network({lstm(3, 5), linear(5, 2)});
  network.parameter("1.bias")[1] = 42;
  CHECK(network.flat().back() == 42);
  CHECK(network.parameter("0.weight_ih").data() == network.flat().data());
  CHECK_THROWS_WITH_AS(network.parameter("1.weights"),
                       Contains("no parameter is named '1.weights', expected one of 0.weight_ih, "), std::out_of_range);
  Network copy = network;
  copy.flat()[0] = -1;
  CHECK(network.flat()[0] != -1);

  const std::vector<float> numbers(network.flat().size(), 0.5f);
  CHECK(Network(network.layers(), numbers).flat()[7] == 0.5f);
  CHECK_THROWS_WITH_AS(Network(network.layers(), std::vector<float>(3)), "Network: got 3 parameters, expected 192",
                       std::invalid_argument);
}

TEST_CASE("network: seeds decide the parameters, which fill their range") {
  for (const std::string& name : all_cells()) {
    CAPTURE(name);
    const std::vector<LayerSpec> specs{cell_layer(name, 20, 25), linear(output_size(name, 25), 16)};
    const BasicNetwork<double> one(specs, std::uint64_t(1)), same(specs, std::uint64_t(1)), other(specs, std::uint64_t(2));
    CHECK(std::ranges::equal(one.flat(), same.flat()));
    CHECK_FALSE(std::ranges::equal(one.flat(), other.flat()));
    for (const Parameter& parameter : one.parameters()) {
      if (parameter.shape.size() < 2) continue;  // a cell may draw its per-unit parameters itself
      double largest = 0, sum = 0;
      for (const double w : one.flat().subspan(std::size_t(parameter.offset), std::size_t(parameter.size))) {
        largest = std::max(largest, std::abs(w));
        sum += w;
      }
      const double range = 1 / std::sqrt(parameter.name[0] == '0' ? 25.0 : double(parameter.shape[1]));
      CHECK(largest <= range);
      CHECK(largest > 0.98 * range);
      CHECK(std::abs(sum / double(parameter.size)) < 0.1 * range);
    }
  }
  // An embedding is drawn from the standard normal distribution.
  const BasicNetwork<double> table({embedding(100, 100)}, std::uint64_t(3));
  double sum = 0, squares = 0;
  for (const double w : table.flat()) {
    sum += w;
    squares += w * w;
  }
  CHECK(std::abs(sum / 1e4) < 0.05);
  CHECK(std::abs(squares / 1e4 - 1) < 0.05);
  // Files and papers rely on a seed giving these numbers everywhere.
  const BasicNetwork<double> known({linear(1, 1)}, std::uint64_t(0));
  CHECK(known.flat()[0] == doctest::Approx(0.40242421904305048).epsilon(1e-15));
  CHECK(known.flat()[1] == doctest::Approx(-0.22575171804842897).epsilon(1e-15));
}

TEST_CASE("network: layers that do not fit together are refused") {
  refuse({}, "Network: got no layers, expected at least one");
  refuse({lstm(3, 5), linear(4, 2)}, "Network: layer 1 (Linear) expects 4 features, got 5 from layer 0 (LSTM)");
  refuse({linear(3, 5), gru(4, 2)}, "Network: layer 1 (GRU) expects 4 features, got 5 from layer 0 (Linear)");
  for (const LayerSpec& pooling : {last(), mean(), layers::max()})
    for (const LayerSpec& layer : {lstm(5, 4), last(), mean(), layers::max()})
      refuse({lstm(3, 5), pooling, layer}, "expects a sequence, got one vector per sequence from layer 1 (");
  refuse({linear(3, 1), embedding(4, 5)},
         "Network: layer 1 (Embedding) takes class ids, expected it as the first layer of a network, an encoder or a decoder");
  for (const LayerSpec& first : {last(), mean(), layers::max(), layers::tanh(), relu(), logistic(), dropout(0.5)})
    refuse({first, linear(3, 2)}, "needs a layer before it that fixes the number of features");
}

TEST_CASE("network: unknown types and options are refused") {
  refuse({cell("LSTMM", 3, 5)}, "Network: layer 0 (LSTMM) is unknown as 'LSTMM', expected one of ");
  refuse({cell("", 3, 5)}, "is unknown as ''");
  refuse({elman(3, 5, "softplus")}, "is unknown as 'Elman(activation=softplus)', expected one of Elman(activation=tanh), ");
  LayerSpec spec = lstm(3, 5);
  spec.options["gain"] = true;
  refuse({spec}, "is unknown as 'LSTM(gain=true)'");
  spec = linear(3, 5);
  spec.options["gain"] = true;
  refuse({spec}, "Network: layer 0 (Linear) has an unknown option 'gain'");
  refuse({{"Linear", {{"input_size", std::int64_t(3)}}}}, "lacks the option 'output_size', expected an integer");
  refuse({{"LSTM", {{"input_size", std::int64_t(3)}}}}, "lacks the option 'hidden_size', expected an integer");
  refuse({{"Linear", {{"input_size", 3.0}, {"output_size", std::int64_t(2)}}}},
         "has an option 'input_size' that is not an integer");
  refuse({linear(3, 2), {"Dropout", {{"probability", std::string("half")}}}}, "has an option 'probability' that is not a number");
  for (const double bad : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()})
    refuse({linear(3, 2), dropout(bad)}, "expected 0 <= probability < 1");
  for (LayerSpec outer : {lstm(3, 5), linear(3, 5)}) {
    outer.children.push_back(linear(5, 2));
    refuse({outer}, "has layers inside, expected none");
  }
}

TEST_CASE("network: sizes below 1, and sizes whose product overflows, are refused before any memory is asked for") {
  constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t bad : {std::int64_t(0), std::int64_t(-1), std::numeric_limits<std::int64_t>::min()}) {
    const std::string got = std::to_string(bad) + ", expected at least 1";
    refuse({lstm(bad, 5)}, ("has input_size = " + got).c_str());
    refuse({lstm(3, bad)}, ("has hidden_size = " + got).c_str());
    refuse({linear(bad, 5)}, ("has input_size = " + got).c_str());
    refuse({linear(3, bad)}, ("has output_size = " + got).c_str());
    refuse({embedding(bad, 5)}, ("has num_embeddings = " + got).c_str());
    refuse({embedding(3, bad)}, ("has size = " + got).c_str());
  }
  for (const std::int64_t large : {huge, std::int64_t(1) << 32}) {
    refuse({lstm(large, large)}, "has sizes whose product overflows");
    refuse({gru(1, large)}, "has sizes whose product overflows");
    refuse({linear(large, large)}, "has sizes whose product overflows");
    refuse({embedding(large, large)}, "has sizes whose product overflows");
  }
  std::vector<LayerSpec> many;  // each alone fits into an index, all together do not
  for (int i = 0; i < 40; ++i) many.push_back(linear(std::int64_t(1) << (i % 2 ? 32 : 20), std::int64_t(1) << (i % 2 ? 20 : 32)));
  refuse(many, "Network: the number of parameters overflows");
#if RECURRA_COUNTS_ALLOCATIONS  // sanitizers end the program instead
  refuse({linear(1, std::int64_t(1) << 45)}, "Network: 70368744177664 parameters do not fit into memory");
#endif
  CHECK_THROWS_WITH_AS(Network({embedding((1 << 24) + 1, 1)}), Contains("expected at most 16777216 in this dtype"),
                       std::invalid_argument);
  CHECK(Model<double>({embedding((1 << 24) + 1, 1)}).num_ids == (1 << 24) + 1);
}

TEST_CASE("network: states are copyable values that go back to the start row by row") {
  const BasicNetwork<double> network({lstm(3, 5), gru(5, 4)});
  BasicState<double> state(network, 3);
  CHECK(state.batch() == 3);
  CHECK(state.size() == 14);
  CHECK(state.data().size() == 42);
  std::ranges::fill(state.data(), 1.0);
  BasicState<double> copy = state;
  copy.reset(1);
  for (std::size_t i = 0; i < 42; ++i) CHECK(copy.data()[i] == (i / 14 == 1 ? 0 : 1));
  CHECK(std::ranges::count(state.data(), 1.0) == 42);
  copy.reset();
  CHECK(std::ranges::count(copy.data(), 0.0) == 42);
  for (const Index row : {Index(-1), Index(3)}) CHECK_THROWS_AS(state.reset(row), std::out_of_range);
}

TEST_CASE("network: a cell may be registered twice, its name not taken by another") {
  const std::vector<std::string> before = cell_names();
  register_test_cells();
  CHECK(cell_names() == before);
  CHECK(std::set<std::string>(before.begin(), before.end()).size() == before.size());
  CHECK_THROWS_WITH_AS(register_cell({nullptr, nullptr, nullptr}), Contains("register_cell: the cell was not compiled for "),
                       std::invalid_argument);
}

TEST_CASE("network: sizes inside layers cannot overflow, heads are bounded") {
  const auto refuse = [](std::vector<LayerSpec> layers, const char* words) {
    CAPTURE(words);
    try {
      const Network network(std::move(layers));
      FAIL("accepted");
    } catch (const std::invalid_argument& error) {
      CAPTURE(std::string(error.what()));
      CHECK(std::string(error.what()).find(words) != std::string::npos);
    }
  };
  constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  refuse({cell("LRU", 1, huge)}, "has sizes whose product overflows");
  refuse({cell("LSTM1997", 1, huge, {{"block_size", 2}})}, "has sizes whose product overflows");
  refuse({lstm(1, 4, {{"projection", huge}})}, "has sizes whose product overflows");
  refuse({cell("SLSTM", 1, 1 << 20, {{"heads", 1 << 20}})}, "has heads = 1048576, expected at most 4096");
  std::vector<LayerSpec> doubling{linear(1, 1)};
  for (int i = 0; i < 63; ++i) doubling.push_back(skip({layers::tanh()}));
  refuse(doubling, "features, expected at most");
  const std::vector<LayerSpec> many(2048, linear(std::int64_t(1) << 26, std::int64_t(1) << 26));
  refuse({residual(many)}, "the number of parameters overflows");
  for (const double leak : {0.0, -7.5, 1.5})
    refuse({cell("LeakyElman", 1, 2, {{"activation", "tanh"}, {"leak", leak}})}, "expected 0 < leak <= 1");
  refuse({cell("GRU(reset=after)", 1, 2)}, "is unknown as");
}

TEST_CASE("network: what a cell does not admit is refused with the reason") {
  const auto refuse = [](const LayerSpec& spec, const std::string& what) {
    CAPTURE(to_string(spec));
    CHECK_THROWS_WITH_AS(Network({spec}), ("Network: layer 0 (" + spec.type + ") " + what).c_str(), std::invalid_argument);
  };
  const Options projection{{"projection", 2}}, heads{{"heads", 2}}, dropout{{"recurrent_dropout", 0.5}};
  const std::string not_fed = "has a projection, but its cell does not feed its one output back through R; put a Linear on top";
  refuse(cell("SRU", 2, 4, projection), not_fed);
  refuse(cell("LSTM1997", 2, 4, {{"block_size", 2}, {"projection", 2}}), not_fed);
  refuse(gru(2, 4, "after", projection), "has a projection, but its cell also carries its output past R");
  refuse(cell("MinGRU", 2, 4, heads), "has heads, but its cell does not feed one state back through R");
  refuse(lstm(2, 4, {{"heads", 2}, {"projection", 2}}), "has heads and a projection, expected one of them");
  refuse(lstm(2, 5, heads), "has heads = 2, expected a divisor of hidden_size = 5");
  refuse(cell("ELSTM", 2, 4, dropout), "has recurrent_dropout, but its cell does not feed a state back through R");
  refuse(gru(2, 4, "before", dropout),
         "has recurrent_dropout, but its cell's R also multiplies a message, which a mask of the fed state does not reach");
  refuse(cell("SRU", 2, 4, {{"zoneout_h", 0.5}}), "has zoneout_h, but its h is not carried from step to step");
  refuse(cell("SLSTM", 2, 4, {{"zoneout_c", 0.5}}), "has zoneout_c, but its c has a meaning only together with other states");
  refuse(lstm(2, 4, {{"zoneout", 0.5}, {"projection", 2}}),
         "has zoneout of h and a projection, expected one of them: what is carried is the projection");
  refuse(lstm(2, 4, {{"zoneout_x", 0.5}}), "has an unknown option 'zoneout_x'");
  refuse(lstm(2, 4, {{"zoneout_c", 1.0}}), "has zoneout_c = 1.000000, expected 0 <= zoneout_c < 1");
  refuse(fully_recurrent(2, 4, 5), "has output_size = 5, expected at most 4");
}

TEST_CASE("network: layers inside layers are drawn independently") {
  for (const char* type : {"IndRNN", "LRU"}) {
    const Options options = std::string(type) == "IndRNN" ? Options{{"activation", "relu"}} : Options{};
    const BasicNetwork<double> network({bidirectional(cell(type, 2, 5, options))});
    std::vector<double> ahead, back;
    for (const Parameter& p : network.parameters())
      if (p.shape.size() == 1 && p.name.find("bias") == std::string::npos) {
        auto& values = p.name.find("forward") != std::string::npos ? ahead : back;
        const auto from = network.flat().subspan(std::size_t(p.offset), std::size_t(p.size));
        values.insert(values.end(), from.begin(), from.end());
      }
    REQUIRE(ahead.size() == back.size());
    for (std::size_t i = 0; i < ahead.size(); ++i) CHECK(ahead[i] != back[i]);
  }
}
