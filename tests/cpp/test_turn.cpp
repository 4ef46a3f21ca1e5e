// One thread at a time: whoever is inside is alone, however threads come and go.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "learning/turn.h"

namespace {

using namespace recurra;

// Threads that try again and again, each so many times in a row before it lets the others; how often each was inside. What is
// guarded is no atomic: two at once would lose a count.
struct Contest {
  static constexpr int tries = 200'000;
  OneThread place;
  long inside = 0;
  std::atomic<long> most{0}, total{0};

  void take_part(int in_a_row) {
    long mine = 0;
    for (int i = 0; i < tries; ++i) {
      if (const Turn turn(place); turn) {
        ++inside;
        ++mine;
      }
      if (i % in_a_row == 0) std::this_thread::yield();
    }
    total += mine;
    if (mine > most) most = mine;
  }
};

TEST_CASE("turn: threads that compete are never inside together") {
  for (const int in_a_row : {1, 50, 5000}) {
    CAPTURE(in_a_row);
    Contest contest;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 3; ++i) threads.emplace_back([&] { contest.take_part(in_a_row); });
    }
    CHECK(contest.inside == contest.total);
    CHECK(contest.total > 0);
    CHECK_FALSE(contest.place.inside());
  }
}

TEST_CASE("turn: a place is handed from thread to thread, and held against others") {
  OneThread place;
  const auto refused = [&] {
    const Turn turn(place);
    return !turn;
  };
  int entered = 0;
  for (int thread = 0; thread < 40; ++thread) {  // more than there are seats
    std::jthread([&] {
      const Turn turn(place);
      if (!turn) return;
      ++entered;
      CHECK(place.inside());
      CHECK(refused());                         // not twice,
      std::jthread([&] { CHECK(refused()); });  // nor by another one
      CHECK(place.inside());
    }).join();
    CHECK_FALSE(place.inside());
  }
  CHECK(entered == 40);
  CHECK_THROWS_WITH_AS(
      [&] {
        const Turn mine(place);
        Turn(place).require("step");
      }(),
      "step: the stream is in use by another thread, expected one thread at a time", std::runtime_error);
}

}  // namespace
