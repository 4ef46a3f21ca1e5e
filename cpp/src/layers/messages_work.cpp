// What messages cost: products of nodes and of edges, and the weighted sums over the edges.
#include "messages.h"

namespace recurra {

template <class T>
void Messages<T>::place(std::size_t i, Part<T>& part) const {
  const bool of_features = (reads_edges() && i == edges()) || i == attention() + 1;
  const bool once = of_features || (i < projections() && !options_.shared);
  part.gives_dx = !of_features;
  part.pace.times = once ? 1 : double(options_.rounds);
  if (of_features || (options_.pairs && i == net())) part.pace.step = Per::edge;
}

template <class T>
Work Messages<T>::work(bool gives_dx) const {
  Work work = Wrapper<T>::work(gives_dx);
  const double sums = double(options_.rounds) * double(options_.terms) * double(options_.message_size);
  const bool learns_factors = options_.attention || (options_.edge_net && reads_edges());
  work.forward[Per::edge] += sums;
  work.training[Per::edge] += sums * (learns_factors ? 3 : 2);
  return work;
}

#define RECURRA_INSTANTIATE(T)                                   \
  template void Messages<T>::place(std::size_t, Part<T>&) const; \
  template Work Messages<T>::work(bool) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
