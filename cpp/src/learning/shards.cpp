#include "shards.h"

#include <algorithm>

#include "recurra/threads.h"

namespace recurra {

namespace {

// What there is to do.
template <class T>
Index nodes(const Sequences<T>& x) {
  Index count = 0;
  for (Index i = 0; x.topology && i < x.batch; ++i) count += x.length(i);
  return x.topology ? count : x.batch * x.time;
}

}  // namespace

template <class T>
int worthwhile_threads(const Sequences<T>& x, Index num_parameters) {
  constexpr double worthwhile = 2e5;  // multiply-adds
  const double work = double(nodes(x)) * double(num_parameters + 1);
  const Index most = std::min<Index>({x.batch, num_threads(), Index(std::min(work / worthwhile, 1e6)) + 1});
  return int(std::max<Index>(most, 1));
}

template <class T>
int num_parts(const Sequences<T>& x, int threads) {
  constexpr Index in_caches = 1024;
  const Index rounds = x.topology ? std::min(nodes(x) / (threads * in_caches), x.batch / threads) : 1;
  return threads * int(std::max<Index>(rounds, 1));
}

#define RECURRA_INSTANTIATE(T)                                 \
  template int worthwhile_threads(const Sequences<T>&, Index); \
  template int num_parts(const Sequences<T>&, int);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
