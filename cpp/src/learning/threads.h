// A pool of threads for work that is split into a few equal parts.
#pragma once

#include <functional>

namespace recurra {

// Runs part(0) .. part(count - 1), part(0) on the calling thread, and waits for all. The first exception, by part number,
// is thrown again here.
void run_parts(int count, const std::function<void(int)>& part);

}  // namespace recurra
