#include "io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <new>
#include <random>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace recurra {
namespace {

constexpr std::size_t max_chunk = std::size_t{1} << 30;  // macOS refuses 2 GiB or more in one call

// Takes errno first, so the arguments must not disturb it: references and literals only.
std::system_error failure(const char* function, const std::string& path, const char* what) {
  const int code = errno;
  return {code, std::generic_category(), std::string(function) + ": " + path + ": " + what};
}

std::runtime_error refusal(const char* function, const std::string& path, const char* what) {
  return std::runtime_error(std::string(function) + ": " + path + ": " + what);
}

// The system would stop at a NUL and so touch another file than the one named.
void refuse_nul(const char* function, const std::string& path) {
  if (path.find('\0') == std::string::npos) return;
  throw std::invalid_argument(std::string(function) + ": the path holds a NUL byte");
}

template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }

  // Not repeated after EINTR: Linux has freed the number by then, another thread may own it.
  bool close() {
    const int number = std::exchange(number_, -1);
    return number < 0 || ::close(number) == 0 || errno == EINTR;
  }

 private:
  int number_;
};

Descriptor open_file(const std::string& path, int flags, mode_t mode = 0) {
  return Descriptor(retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); }));
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return path.substr(0, std::max<std::size_t>(slash, 1));
}

// Its length does not depend on the target's, whose name may be as long as the system allows.
std::string temporary_path(const std::string& directory) {
  std::random_device random;
  char name[48];
  std::snprintf(name, sizeof name, "/.recurra-%08x%08x.tmp", random(), random());
  return directory + name;
}

// Removes the file at a path, unless released.
class Remover {
 public:
  explicit Remover(const std::string& path) : path_(path) {}
  ~Remover() {
    if (armed_) ::unlink(path_.c_str());
  }
  Remover(const Remover&) = delete;
  Remover& operator=(const Remover&) = delete;

  void release() { armed_ = false; }

 private:
  const std::string& path_;
  bool armed_ = true;
};

// rename() would replace the link itself and leave the file it names as it was.
std::string follow_link(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  const std::filesystem::path target = std::filesystem::canonical(path, error);
  if (error) throw std::system_error(error, "save: " + path + ": cannot follow the symbolic link");
  return target.string();
}

bool write_all(int number, const std::vector<char>& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::size_t chunk = std::min(bytes.size() - done, max_chunk);
    const ssize_t count = retry([&] { return ::write(number, bytes.data() + done, chunk); });
    if (count < 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

bool sync(int number) {
  return retry([&] { return ::fsync(number); }) == 0;
}

std::vector<char> allocate(const std::string& path, off_t size) try {
  return std::vector<char>(static_cast<std::size_t>(size));
} catch (const std::bad_alloc&) {
  throw std::runtime_error("load: " + path + ": no memory for its " + std::to_string(size) + " bytes");
}

}  // namespace

void write_file(const std::string& path, const std::vector<char>& bytes) {
  refuse_nul("save", path);
  const std::string target = follow_link(path);
  struct stat old = {};
  const bool exists = ::stat(target.c_str(), &old) == 0;
  if (!exists && errno != ENOENT) throw failure("save", path, "cannot look it up");
  if (exists && !S_ISREG(old.st_mode)) throw refusal("save", path, "not a regular file");

  const Descriptor directory = open_file(directory_of(target), O_RDONLY | O_DIRECTORY);
  if (directory.number() < 0) throw failure("save", path, "cannot open its folder");

  // Private until it gets the old file's bits: nobody may open what the old file hid from them.
  const std::string temporary = temporary_path(directory_of(target));
  Descriptor file = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, exists ? 0600 : 0666);
  if (file.number() < 0) throw failure("save", path, "cannot create a file in its folder");
  Remover remover(temporary);

  if (!write_all(file.number(), bytes)) throw failure("save", path, "cannot write");
  if (exists && ::fchmod(file.number(), old.st_mode & 0777) != 0) throw failure("save", path, "cannot keep its permissions");
  if (!sync(file.number())) throw failure("save", path, "cannot bring it to the disk");
  if (!file.close()) throw failure("save", path, "cannot close");
  if (::rename(temporary.c_str(), target.c_str()) != 0) throw failure("save", path, "cannot replace");
  remover.release();

  // Some file systems cannot sync a folder and say EINVAL; they have no more to offer.
  if (!sync(directory.number()) && errno != EINVAL)
    throw failure("save", path, "replaced, but cannot bring its folder to the disk");
}

std::vector<char> read_file(const std::string& path) {
  refuse_nul("load", path);
  // O_NONBLOCK: opening a pipe must not wait for a writer. It changes nothing for a regular file.
  const Descriptor file = open_file(path, O_RDONLY | O_NONBLOCK);
  if (file.number() < 0) throw failure("load", path, "cannot open");
  struct stat status = {};
  if (::fstat(file.number(), &status) != 0) throw failure("load", path, "cannot look it up");
  if (!S_ISREG(status.st_mode)) throw refusal("load", path, "not a regular file");

  std::vector<char> bytes = allocate(path, status.st_size);
  std::size_t done = 0;
  char beyond = 0;
  while (true) {
    const bool full = done == bytes.size();  // then one more byte is asked for: a growing file
    char* into = full ? &beyond : bytes.data() + done;
    const std::size_t chunk = full ? 1 : std::min(bytes.size() - done, max_chunk);
    const ssize_t count = retry([&] { return ::read(file.number(), into, chunk); });
    if (count < 0) throw failure("load", path, "cannot read");
    if (full == (count > 0)) throw refusal("load", path, "its length changed during the reading");
    if (full) return bytes;
    done += static_cast<std::size_t>(count);
  }
}

}  // namespace recurra
