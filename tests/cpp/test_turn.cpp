// One thread at a time: whoever is inside is alone, however threads come and go.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "learning/turn.h"

namespace {

using namespace recurra;

// Two threads that meet at one place after the other and try to enter each again and again. What is guarded is no atomic: two at
// once would lose a count; and whoever is inside looks around.
struct Contest {
  struct Place {
    OneThread user;
    long entered = 0;
    std::atomic<int> present{0}, arrived{0};
  };
  static constexpr int tries = 40;
  std::vector<Place> places = std::vector<Place>(20'000);
  std::atomic<long> entered{0}, together{0};

  void take_part(int seed) {
    long mine = 0;
    for (Place& place : places) {
      for (++place.arrived; place.arrived < 2;) std::this_thread::yield();
      for (int i = 0; i < tries; ++i)
        if (const Turn turn(place.user, (i + seed) % 9 ? Turn::stays : Turn::visits); turn) {
          together += place.present.fetch_add(1, std::memory_order_relaxed);
          ++place.entered;
          ++mine;
          place.present.fetch_sub(1, std::memory_order_relaxed);
        }
    }
    entered += mine;
  }
};

TEST_CASE("turn: threads that compete are never inside together") {
  Contest contest;
  {
    const std::jthread other([&] { contest.take_part(4); });
    contest.take_part(0);
  }
  long counted = 0;
  for (const Contest::Place& place : contest.places) counted += place.entered;
  CHECK(contest.together == 0);
  CHECK(counted == contest.entered);
  CHECK(counted > long(contest.places.size()));
}

TEST_CASE("turn: a place is handed from thread to thread, and held against others") {
  for (const Turn::Kind kind : {Turn::stays, Turn::visits}) {
    OneThread place;
    const auto refused = [&](Turn::Kind how) {
      const Turn turn(place, how);
      return !turn;
    };
    int entered = 0;
    for (int thread = 0; thread < 40; ++thread) {  // more than there are seats
      std::jthread([&] {
        const Turn turn(place, kind);
        if (!turn) return;
        ++entered;
        CHECK(place.inside());
        for (const Turn::Kind other : {Turn::stays, Turn::visits}) {
          CHECK(refused(other));                         // not twice,
          std::jthread([&] { CHECK(refused(other)); });  // nor by another one
        }
        CHECK(place.inside());
      }).join();
      CHECK_FALSE(place.inside());
    }
    CHECK(entered == 40);
  }
}

TEST_CASE("turn: who makes the steps keeps them when a visitor was there") {
  OneThread place;
  const auto enters = [&](Turn::Kind kind) { return bool(Turn(place, kind)); };
  CHECK(enters(Turn::visits));  // before anybody made a step
  for (int round = 0; round < 50; ++round) {
    CHECK(enters(Turn::stays));
    std::jthread([&] { CHECK(enters(Turn::visits)); }).join();
  }
  std::jthread([&] {
    CHECK(enters(Turn::stays));
    std::jthread([&] { CHECK(enters(Turn::visits)); }).join();
  }).join();
  CHECK(enters(Turn::stays));
  const Turn mine(place, Turn::stays);
  const auto require = [&] { Turn(place, Turn::visits).require("step"); };
  CHECK_THROWS_WITH_AS(require(), "step: the stream is in use by another thread, expected one thread at a time",
                       std::runtime_error);
}

}  // namespace
