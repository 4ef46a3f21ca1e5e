// What tapes and weights say that they took = what malloc was asked for; a large batch, counted along straight lines, = the same
// laid out; what a summary counts = formulas.
#include <doctest/doctest.h>

#include <numeric>

#include "allocations.h"
#include "learning/bptt.h"
#include "recurra/recurra.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using Layers = std::vector<LayerSpec>;
using Net = BasicNetwork<double>;

// Layers of every kind over sequences, wide enough that what is not counted (schedules) is nothing beside the rest.
std::vector<Layers> over_sequences() {
  std::vector<Layers> all{
      {linear(30, 40), relu(), linear(40, 10)},
      {embedding(50, 30), layers::dropout(0.5), linear(30, 10)},
      {lstm(30, 40), last(), linear(40, 10)},
      {gru(30, 40), mean()},
      {elman(30, 40), layers::max()},
      {lstm(30, 40, {{"layer_norm", true}, {"zoneout", 0.1}, {"recurrent_dropout", 0.1}}), linear(40, 10)},
      {lstm(30, 40, {{"projection", std::int64_t(20)}, {"learned_initial_state", true}}), linear(20, 10)},
      {bidirectional(gru(30, 20)), skip({linear(40, 20)}), linear(60, 10)},
      {residual({lstm(30, 30)}), linear(30, 10)},
      {delay(3, {{"input_size", std::int64_t(30)}}), linear(120, 20), feedback({linear(30, 10)}, 1)},
  };
  for (const char* cell : {"SRU", "IndRNN", "LRU", "SLSTM", "ELSTM", "MinGRU"}) all.push_back({layers::cell(cell, 30, 40)});
  return all;
}

std::vector<Layers> decoding() {
  const LayerSpec reads = chain({embedding(50, 30), gru(30, 40)}), writes = chain({embedding(50, 30), gru(30, 40), linear(40, 49)});
  const Options symbols{{"start", std::int64_t(49)}};
  const LayerSpec looks = chain({embedding(50, 30), gru(30, 40), dot_attention(), linear(80, 49)});
  const LayerSpec adds = chain({embedding(50, 30), gru(30, 40), additive_attention(20), linear(80, 49)});
  Options bridged = symbols;
  bridged["bridge"] = std::string("linear");
  return {{encoder_decoder(reads.children, writes.children, symbols)},
          {encoder_decoder(reads.children, looks.children, symbols)},
          {encoder_decoder(reads.children, adds.children, bridged)}};
}

void check_tapes(const Net& network, Workspace<double>& workspace, const auto& prepare) {
  for (const bool backward : {false, true}) {
    Workspace<double> fresh(*network.model());
    Workspace<double>& used = backward ? fresh : workspace;
    if (network.decodes()) {
      std::vector<Index> order(40);
      std::iota(order.begin(), order.end(), Index(0));
      used.decode(Schedule::sequences(40, 25), order);
    }
    const test::Allocations since;
    prepare(used, backward);
    const double asked = double(since.bytes());
    std::size_t counted = used.bytes(), packed = 0;
    for (std::size_t i = 0; i < network.layers().size(); ++i) counted += used.tape(i).bytes();
    CAPTURE(backward);
#if RECURRA_COUNTS_ALLOCATIONS
    CHECK(double(counted) < 1.03 * asked);
    CHECK(double(counted) > 0.93 * asked);  // of attention, what is packed later is counted as well
#endif
    CHECK(packed == 0);
  }
}

}  // namespace

TEST_CASE("footprint: tapes of sequences count what they allocate") {
  std::vector<Layers> all = over_sequences();
  for (const Layers& one : all) {
    CAPTURE(to_string(one.front()));
    const Net network(one);
    Workspace<double> workspace(*network.model());
    check_tapes(network, workspace, [](Workspace<double>& w, bool backward) { w.prepare(Schedule::sequences(40, 30), backward); });
  }
}
