#include <stdexcept>

#include "../learning/bptt.h"
#include "../learning/checks.h"
#include "batches.h"
#include "recurra/fit.h"
#include "stateful.h"

namespace recurra {

template <class T>
double evaluate(const BasicNetwork<T>& network, const Data<T>& data, const Loss& loss, Index batch_size,
                const RunOptions& options, bool stateful) {
  if (batch_size < 1)
    throw std::invalid_argument("evaluate: batch_size is " + std::to_string(batch_size) + ", expected at least 1");
  check_topology("evaluate", *network.model(), data.x, false, 0);
  check_batch("evaluate", data.x);
  check_teaching("evaluate", *network.model(), data.x, options.sampling, true);
  check_loss("evaluate", *network.model(), data.target, loss);
  check_taught("evaluate", *network.model(), data.x, data.target);
  if (stateful) check_stateful("evaluate", network, data.x, batch_size);
  const std::vector<Index> order = row_order(data.x);
  BasicRunner<T> runner(network);
  BasicState<T> carried(network, stateful ? batch_size : 0);
  MeanLoss mean;
  for (Index begin = 0; begin < data.x.batch; begin += batch_size) {
    const Sequences<T> batch = select(data.x, order, begin, std::min(batch_size, data.x.batch - begin));
    const double value = runner.loss(batch, data.target, loss, stateful ? &carried : nullptr, options);
    mean.add(value, total_weight(*network.model(), batch, data.target, loss, {0, batch.time}));
  }
  return mean.value();
}

template double evaluate(const BasicNetwork<float>&, const Data<float>&, const Loss&, Index, const RunOptions&, bool);
template double evaluate(const BasicNetwork<double>&, const Data<double>&, const Loss&, Index, const RunOptions&, bool);

}  // namespace recurra
