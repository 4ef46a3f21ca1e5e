#include "stateful.h"

#include <stdexcept>

#include "../learning/checks.h"

namespace recurra {

template <class T>
void check_stateful(const std::string& function, const BasicNetwork<T>& network, const Sequences<T>& x, Index batch_size) {
  expect_sequences(function + ": stateful", *network.model(), x);
  if (network.pools() || network.looks_ahead())
    throw std::invalid_argument(function + ": stateful is on, but the network " +
                                (network.pools() ? "pools over time" : "looks ahead") +
                                ", expected one whose sequences can go on in the next batch");
  if (x.batch % batch_size != 0)
    throw std::invalid_argument(function + ": x has " + std::to_string(x.batch) +
                                " sequences, expected a multiple of batch_size = " + std::to_string(batch_size) +
                                ", since stateful is on");
}

template void check_stateful(const std::string&, const BasicNetwork<float>&, const Sequences<float>&, Index);
template void check_stateful(const std::string&, const BasicNetwork<double>&, const Sequences<double>&, Index);

}  // namespace recurra
