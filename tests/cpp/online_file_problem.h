// What the tests of a learner's file share: a folder, steps with all that happens around them, and all that a learner can tell.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "io/file.h"
#include "online_run.h"

namespace test {

struct Folder {
  Folder() {
    const std::filesystem::path memory = "/dev/shm";  // where there is one: whatever is written is synced
    std::string name = ((exists(memory) ? memory : std::filesystem::temp_directory_path()) / "recurra-online-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name = "learner") const { return (path / (name + ".safetensors")).string(); }
  std::filesystem::path path;
};

inline bool has_influence(const recurra::OnlineRule& rule) {
  return !std::holds_alternative<recurra::RollingBptt>(rule) && !std::holds_alternative<recurra::KfRtrl>(rule);
}

// All that a learner can tell: weights, states, latest gradient, influence of the first and the last parameter, counts.
inline Vector told(recurra::BasicNetwork<double>& network, recurra::BasicOnline<double>& learner, bool influence) {
  Vector all(network.flat().begin(), network.flat().end());
  const recurra::BasicState<double> state = learner.state();
  for (Index row = 0; row < state.batch(); ++row) all.insert(all.end(), state.row(row).begin(), state.row(row).end());
  all.insert(all.end(), learner.gradient().begin(), learner.gradient().end());
  for (const std::string& name : {network.parameters().front().name, network.parameters().back().name})
    if (influence) {
      const Vector some = learner.influence(name);
      all.insert(all.end(), some.begin(), some.end());
    }
  const recurra::OnlineReport report = learner.report();
  for (const std::uint64_t count : {report.steps, report.updates, report.guard_events}) all.push_back(double(count));
  return all;
}

// One step and all that happens around it: rows are reset, some steps have no target, some a teacher; weights of rows differ.
inline Vector step(recurra::BasicOnline<double>& learner, const OnlineData& data, Index t) {
  if (t % 9 == 4) learner.reset(t % data.batch);
  Vector y(std::size_t(data.batch * data.outputs)), weights(std::size_t(data.batch), 0.5);
  weights.front() = t % 4 ? 1 : 0;
  learner.step(data.input(t), y, t % 5 == 2 ? recurra::Target<double>{} : data.target(t), weights,
               t % 3 == 1 ? data.teacher(t) : std::span<const double>{});
  return y;
}

inline std::string message(const auto& call) {
  try {
    call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace test
