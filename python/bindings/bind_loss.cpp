#include "network.h"

namespace recurra::python {

// The settings alone; they are checked where a loss meets a network.
void bind_loss(py::module_& m) {
  py::class_<Loss>(m, "Loss")
      .def_static("mse", [] { return Loss(Mse{}); })
      .def_static("mae", [] { return Loss(Mae{}); })
      .def_static("huber", [](double delta) { return Loss(Huber{delta}); })
      .def_static("cross_entropy",
                  [](std::vector<double> class_weights, std::optional<std::int64_t> ignored_class, double label_smoothing) {
                    return Loss(CrossEntropy{std::move(class_weights), ignored_class, label_smoothing});
                  })
      .def_static("sampled_softmax",
                  [](Index samples, bool uniform) {
                    return Loss(SampledSoftmax{samples, uniform ? SampledSoftmax::uniform : SampledSoftmax::log_uniform});
                  })
      .def_static("binary_cross_entropy", [](double positive_weight) { return Loss(BinaryCrossEntropy{positive_weight}); });
}

}  // namespace recurra::python
