// A learner between two steps, in a file and back.
#include "learner.h"

namespace recurra {

template <class T>
void Learner<T>::save(OnlineFile<T>& file) const {
  history.save(file);
  for (std::size_t row = 0; row < rules.size(); ++row) rules[row]->save(file, "row" + std::to_string(row) + ".");
  const OptimizerState<T> memory = optimizer.state();
  for (const auto& [name, vector] : memory.vectors) file.put("optimizer." + name, vector);
  file.put("optimizer.updates", std::int64_t(memory.updates));
  file.put("sum", spoiled ? std::vector<T>(sum.size()) : sum);  // spoiled, it may hold no numbers
  file.put("latest", latest);
  file.put("learned", learned);
  file.put("spoiled", spoiled);
  file.put("steps", std::int64_t(report.steps));
  file.put("updates", std::int64_t(report.updates));
  file.put("guard_events", std::int64_t(report.guard_events));
}

template <class T>
void Learner<T>::load(const OnlineFile<T>& file) {
  history.load(file);
  for (std::size_t row = 0; row < rules.size(); ++row) rules[row]->load(file, "row" + std::to_string(row) + ".");
  OptimizerState<T> memory = optimizer.state();
  for (auto& [name, vector] : memory.vectors) file.copy("optimizer." + name, vector);
  const std::int64_t steps = file.number("steps"), updates = file.number("updates", 0, steps);
  memory.updates = std::uint64_t(file.number("optimizer.updates", updates, steps));  // some of which were not finite
  optimizer.set_state(std::move(memory));
  file.copy("sum", sum);
  file.copy("latest", latest);
  learned = file.number("learned", 0, 1) != 0;
  spoiled = file.number("spoiled", 0, learned) != 0;
  report.steps = std::uint64_t(steps);
  report.updates = std::uint64_t(updates);
  report.guard_events = std::uint64_t(file.number("guard_events"));
}

#define RECURRA_INSTANTIATE(T)                          \
  template void Learner<T>::save(OnlineFile<T>&) const; \
  template void Learner<T>::load(const OnlineFile<T>&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
