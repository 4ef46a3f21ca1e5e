// recurra_fuzz: changes valid model files at random and holds the reader against the oracle.
//   recurra_fuzz [--seconds S | --executions N] [--seed N]   a run; the same seed gives the same files
//   recurra_fuzz --seed N --only I                            its execution I alone
//   recurra_fuzz --write PATH --seed N --only I               writes that file instead of reading it
//   recurra_fuzz FILE...                                      these files
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "mutator.h"
#include "paths.h"
#include "seeds.h"
#include "target.h"

extern "C" void __sanitizer_set_death_callback(void (*)()) __attribute__((weak));

namespace {

using namespace fuzz;

constexpr unsigned longest_seconds = 30;  // one execution; milliseconds without a sanitizer

std::uint64_t run_seed = 1, execution = 0;

// Whatever ends the program says where, for --only.
void say_where() {
  char line[100];
  const int size = std::snprintf(line, sizeof line, "recurra_fuzz: died in --seed %ju --only %ju\n", std::uintmax_t(run_seed),
                                 std::uintmax_t(execution));
  if (::write(STDERR_FILENO, line, static_cast<std::size_t>(size)) < 0) return;
}

void on_signal(int number) {
  say_where();
  ::signal(number, SIG_DFL);
  ::raise(number);
}

// The kind of an outcome: its message up to what was expected, without names, numbers and what stands in parentheses.
std::string kind(const std::string& message) {
  const std::size_t prefix = std::min(message.size(), std::strlen("load: bytes: "));
  std::string result;
  char until = 0;
  for (const char c : message.substr(prefix, message.find(", expected", prefix) - prefix)) {
    if (until != 0) {
      if (c == until) until = 0;
    } else if (c == '\'' || c == '(') {
      until = c == '(' ? ')' : c;
      result += "_";
    } else if (c < '0' || c > '9') {
      result += c;
    }
  }
  return result;
}

class Run {
 public:
  // Whether there was no finding.
  bool read(const std::string& bytes, bool must_load = false) {
    ::alarm(longest_seconds);
    const Outcome outcome = run(bytes);
    std::string finding = outcome.finding;
    if (must_load && !outcome.loaded) finding = "refused a right file: " + outcome.error;
    ++kinds_[outcome.loaded ? "loaded" : kind(outcome.error)];
    ++executions_;
    memory_ = std::max(memory_, outcome.memory);
    if (finding.empty()) return true;
    ++findings_;
    std::printf("FINDING in --seed %ju --only %ju: %s\n", std::uintmax_t(run_seed), std::uintmax_t(execution), finding.c_str());
    return false;
  }

  // Cut off at every byte, and with a byte more.
  void truncate(const std::string& bytes) {
    for (std::size_t size = 0; size < bytes.size(); ++size) expect_refusal(bytes.substr(0, size));
    expect_refusal(bytes + '\0');
  }

  bool report() const {
    std::vector<std::pair<std::uint64_t, std::string>> sorted;
    for (const auto& [name, count] : kinds_) sorted.emplace_back(count, name);
    std::sort(sorted.rbegin(), sorted.rend());
    for (const auto& [count, name] : sorted) std::printf("%10ju  %s\n", std::uintmax_t(count), name.c_str());
    std::printf("%ju executions, %zu kinds of outcomes, memory at most %.0f%% of the limit, %ju findings\n",
                std::uintmax_t(executions_), kinds_.size(), 100 * memory_, std::uintmax_t(findings_));
    return findings_ == 0;
  }

  std::uint64_t executions() const { return executions_; }
  std::uint64_t findings() const { return findings_; }

 private:
  void expect_refusal(const std::string& bytes) {
    const std::uint64_t loaded = kinds_["loaded"];
    read(bytes);
    if (kinds_["loaded"] == loaded) return;
    ++findings_;
    std::printf("FINDING: a file cut to %zu bytes was loaded\n", bytes.size());
  }

  std::map<std::string, std::uint64_t> kinds_;
  std::uint64_t executions_ = 0, findings_ = 0;
  double memory_ = 0;
};

// The file of one execution; one in eight is right, and must load as the same network as the file it was made from.
std::string file_of(const std::vector<std::string>& files, std::uint64_t index, bool& right) {
  Mutator mutator(files, run_seed * 0x9E3779B97F4A7C15u + index);
  right = index % 8 == 0;
  std::string original;
  return right ? mutator.same(original) : mutator.wrong();
}

struct Options {
  double seconds = 0;
  std::uint64_t executions = 0;
  bool only = false;
  std::uint64_t index = 0;
  std::string write;
  std::vector<std::string> files;
};

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (!name.starts_with("--")) {
      options.files.push_back(name);
      continue;
    }
    if (i + 1 == argc) throw std::invalid_argument(name + " expects a value");
    const std::string value = argv[++i];
    if (name == "--seconds")
      options.seconds = std::stod(value);
    else if (name == "--executions")
      options.executions = std::stoull(value);
    else if (name == "--seed")
      run_seed = std::stoull(value);
    else if (name == "--only")
      options.only = true, options.index = std::stoull(value);
    else if (name == "--write")
      options.write = value;
    else
      throw std::invalid_argument("unknown option " + name);
  }
  if (options.seconds == 0 && options.executions == 0) options.executions = 10'000;
  return options;
}

int fuzz_files(const Options& options, const std::vector<std::string>& files, Run& run) {
  bool right = false;
  if (options.only) {
    execution = options.index;
    const std::string bytes = file_of(files, execution, right);
    if (!options.write.empty())
      return std::ofstream(options.write, std::ios::binary).write(bytes.data(), std::ssize(bytes)) ? 0 : 1;
    run.read(bytes, right);
    return run.report() ? 0 : 1;
  }
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  for (const std::string& file : files) run.read(file, true);
  run.truncate(files[0]);
  run.truncate(files.back());
  if (const std::string problems = check_paths(); !problems.empty()) {
    std::printf("FINDING: paths: %s", problems.c_str());
    return 1;
  }
  while (run.findings() < 20 && (options.executions ? execution < options.executions : elapsed() < options.seconds)) {
    const std::string bytes = file_of(files, execution, right);
    run.read(bytes, right);
    ++execution;
  }
  const bool fine = run.report();
  std::printf("--seed %ju, %.1f seconds\n", std::uintmax_t(run_seed), elapsed());
  return fine ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGALRM})
    if (number == SIGABRT || number == SIGALRM || !__sanitizer_set_death_callback) ::signal(number, on_signal);
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(say_where);
  const Options options = read_options(argc, argv);
  const std::vector<std::string> files = seeds();  // and the tables that are made once, before memory is counted
  Run run;
  if (options.files.empty()) return fuzz_files(options, files, run);
  for (const std::string& path : options.files) {
    std::ifstream stream(path, std::ios::binary);
    run.read({std::istreambuf_iterator<char>(stream), {}});
  }
  return run.report() ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "recurra_fuzz: %s\n", error.what());
  return 2;
}
