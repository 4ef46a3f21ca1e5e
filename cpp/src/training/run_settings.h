// What decides the outcome of a run besides its number of epochs, as text: two runs with equal settings can continue each other.
#pragma once

#include <utility>

#include "recurra/fit.h"

namespace recurra {

// Name and value: the network's layers and dtype, the fingerprints of the data, and the options.
using RunSettings = std::vector<std::pair<std::string, std::string>>;

template <class T>
RunSettings run_settings(const BasicNetwork<T>& network, const Data<T>& training, const Data<T>* validation,
                         const FitOptions& options);

// Throws std::invalid_argument that names the first setting in which the run in the file `source` differs.
void require_same_run(const RunSettings& asked, const RunSettings& saved, const std::string& source);

}  // namespace recurra
