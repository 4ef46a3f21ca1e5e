// Whole files: written in one step or not at all; what is no regular file is refused.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <iterator>
#include <random>
#include <stdexcept>
#include <utility>

#include "io/file.h"

namespace {

using namespace recurra;
using doctest::Contains;
using Bytes = std::vector<char>;

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

// An empty folder for one test, gone afterwards.
class Folder {
 public:
  Folder() {
    std::random_device random;
    path_ = std::filesystem::temp_directory_path() / ("recurra_test_" + std::to_string(random()));
    std::filesystem::create_directory(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::ptrdiff_t num_files() const { return std::distance(std::filesystem::directory_iterator(path_), {}); }

 private:
  std::filesystem::path path_;
};

unsigned mode_of(const std::string& path) {
  struct stat status = {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("file: written bytes are read back, the old file is replaced, nothing is left over") {
  const Folder folder;
  const std::string path = folder.file("model");
  for (const std::size_t size : {0, 1, 4096, 3'000'000}) {
    Bytes bytes(size, 'x');
    if (size > 0) bytes.back() = '\0';
    write_file(path, bytes);
    CHECK(read_file(path) == bytes);
  }
  const std::string longest = folder.file(std::string(255, 'n'));
  write_file(longest, bytes_of("long"));
  CHECK(read_file(longest) == bytes_of("long"));
  CHECK(folder.num_files() == 2);
}

TEST_CASE("file: permissions and symbolic links are kept") {
  const Folder folder;
  const std::string path = folder.file("model"), link = folder.file("link");
  const mode_t old = ::umask(027);
  write_file(path, bytes_of("one"));
  ::umask(old);
  CHECK(mode_of(path) == 0640);
  for (const unsigned mode : {0600u, 0644u, 0666u, 0755u}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    write_file(path, bytes_of("two"));
    CHECK(mode_of(path) == mode);
  }
  std::filesystem::create_symlink("model", link);
  write_file(link, bytes_of("three"));
  CHECK(std::filesystem::is_symlink(link));
  CHECK(read_file(path) == bytes_of("three"));
  CHECK(folder.num_files() == 2);
}

TEST_CASE("file: a failed write leaves the old file and nothing else") {
  const Folder folder;
  const std::string path = folder.file("model");
  write_file(path, bytes_of("old"));
  struct rlimit limit = {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
  const rlim_t soft = std::exchange(limit.rlim_cur, 5000);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  std::string message;
  try {
    write_file(path, Bytes(100'000));  // the first write is short, the second fails
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  limit.rlim_cur = soft;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK(message == "save: " + path + ": cannot write: File too large");
  CHECK(read_file(path) == bytes_of("old"));
  CHECK(folder.num_files() == 1);
}

TEST_CASE("file: what is no regular file is refused") {
  const Folder folder;
  const std::string pipe = folder.file("pipe"), link = folder.file("link");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::filesystem::create_symlink("nowhere", link);
  for (const std::string& path : {pipe, folder.file(""), std::string("/dev/null")}) {
    CHECK_THROWS_WITH_AS(read_file(path), ("load: " + path + ": not a regular file").c_str(), std::runtime_error);
    CHECK_THROWS_WITH_AS(write_file(path, {}), ("save: " + path + ": not a regular file").c_str(), std::runtime_error);
  }
  CHECK_THROWS_WITH_AS(read_file(folder.file("none")), Contains("cannot open: No such file"), std::runtime_error);
  CHECK_THROWS_WITH_AS(write_file(folder.file("none/model"), {}), Contains("cannot open its folder: No such file"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(write_file(link, {}), Contains("cannot follow the symbolic link"), std::runtime_error);
  CHECK_THROWS_AS(write_file(folder.file(std::string("a\0b", 3)), {}), std::invalid_argument);
  CHECK_THROWS_AS(read_file(std::string("a\0b", 3)), std::invalid_argument);
  CHECK(folder.num_files() == 2);
}
