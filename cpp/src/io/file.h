// Whole files in and out of memory (POSIX).
// Both functions throw std::system_error, a std::runtime_error, where the system refused something.
#pragma once

#include <string>
#include <vector>

namespace recurra {

// Replaces the file at `path` by `bytes` in one step: a reader, or a machine that lost power, sees
// the old file or the new one, never a mixture. A symbolic link is followed. The permission bits of
// an existing file are kept, a new one gets 0666 & ~umask; the owner is the writer in both cases.
// A failure throws and leaves the old file as it was, with nothing beside it. The one exception:
// if the last call, the fsync of the directory, fails, the new file is already in place.
void write_file(const std::string& path, const std::vector<char>& bytes);

// The bytes of the regular file at `path`. Throws std::runtime_error for anything else (a folder, a
// pipe, a device) and for a file whose length changes meanwhile.
std::vector<char> read_file(const std::string& path);

}  // namespace recurra
