#include "paths.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "memory.h"
#include "recurra/model_file.h"

namespace fuzz {

namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "recurra_fuzz_XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("paths: cannot make a folder");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string check(const std::string& path) {
  const MemoryLimit limit(100'000);
  try {
    recurra::load_any(path);
  } catch (const std::runtime_error& error) {
    return std::string(error.what()).starts_with("load: " + path + ": ") ? "" : path + ": unfit message " + error.what();
  } catch (...) {
    return path + ": threw no std::runtime_error";
  }
  return path + ": loaded";
}

}  // namespace

std::string check_paths() {
  const Folder folder;
  std::ofstream(folder / "empty").flush();
  if (::mkfifo((folder / "pipe").c_str(), 0600) != 0) return "cannot make a pipe";
  std::filesystem::create_symlink("loop", folder / "loop");
  std::filesystem::create_symlink("pipe", folder / "link");
  std::string problems;
  for (const std::string& path :
       {folder / "", folder / "empty", folder / "pipe", folder / "loop", folder / "link", folder / "none", folder / "none/model",
        std::string("/dev/zero"), std::string("/dev/null"), std::string(), folder / std::string(5000, 'n').c_str()})
    if (const std::string problem = check(path); !problem.empty()) problems += problem + "\n";
  return problems;
}

}  // namespace fuzz
