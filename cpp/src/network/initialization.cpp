#include "recurra/initialization.h"

#include <cmath>
#include <stdexcept>

#include "../math/random.h"
#include "model.h"

namespace recurra {

namespace {

void require_name(const std::string& what, const std::string& name, std::initializer_list<const char*> known) {
  std::string expected;
  for (const char* word : known) {
    if (name == word) return;
    expected += (expected.empty() ? "'" : ", '") + std::string(word) + "'";
  }
  throw std::invalid_argument("Initialization: " + what + " is '" + name + "', expected one of " + expected);
}

void check(const Initialization& init) {
  require_name("input", init.input, {"uniform", "glorot", "orthogonal"});
  require_name("recurrent", init.recurrent, {"uniform", "glorot", "orthogonal", "identity"});
  require_name("bias", init.bias, {"uniform", "zeros"});
  if (!std::isfinite(init.recurrent_scale) || (init.forget_bias && !std::isfinite(*init.forget_bias)))
    throw std::invalid_argument("Initialization: recurrent_scale and forget_bias expect finite numbers");
}

// Orthonormal rows (or columns, if there are fewer of them) from a normal matrix, by Gram and Schmidt, done twice.
std::vector<double> orthogonal(Random& random, Index rows, Index columns) {
  const bool tall = rows > columns;
  const Index count = tall ? columns : rows, length = tall ? rows : columns;
  std::vector<double> vectors(std::size_t(count * length));
  for (double& value : vectors) value = random.normal();
  for (Index i = 0; i < count; ++i) {
    double* v = vectors.data() + i * length;
    for (int round = 0; round < 2; ++round) {
      for (Index k = 0; k < i; ++k) {
        const double* u = vectors.data() + k * length;
        double along = 0;
        for (Index j = 0; j < length; ++j) along += u[j] * v[j];
        for (Index j = 0; j < length; ++j) v[j] -= along * u[j];
      }
      double square = 0;
      for (Index j = 0; j < length; ++j) square += v[j] * v[j];
      for (Index j = 0; j < length; ++j) v[j] /= std::sqrt(square);
    }
  }
  if (!tall) return vectors;
  std::vector<double> transposed(vectors.size());
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) transposed[std::size_t(i * columns + j)] = vectors[std::size_t(j * rows + i)];
  return transposed;
}

// A weight gate by gate, [rows][columns] in blocks of rows; or several matrices, one below the other.
template <class T>
void draw_weight(const ParameterSpec& spec, const std::string& name, double scale, Random& random, T* to) {
  const Index rows = spec.shape.size() > 2 ? spec.size() / spec.shape.back() : spec.shape.front();
  const Index columns = spec.size() / rows, block = spec.block > 0 ? spec.block : rows;
  for (Index begin = 0; begin < rows; begin += block) {
    T* values = to + begin * columns;
    const Index count = block * columns;
    if (name == "uniform") {
      for (Index i = 0; i < count; ++i) values[i] = T(random.uniform(-spec.scale, spec.scale));
    } else if (name == "glorot") {
      const double limit = std::sqrt(6.0 / double(block + columns));
      for (Index i = 0; i < count; ++i) values[i] = T(random.uniform(-limit, limit));
    } else if (name == "orthogonal") {
      const std::vector<double> matrix = orthogonal(random, block, columns);
      for (Index i = 0; i < count; ++i) values[i] = T(matrix[std::size_t(i)]);
    } else {
      for (Index i = 0; i < count; ++i) values[i] = T(i / columns == i % columns);
    }
    if (scale != 1)
      for (Index i = 0; i < count; ++i) values[i] *= T(scale);
  }
}

template <class T>
void draw_by_cell(const ParameterSpec& spec, std::uint64_t key, T* to) {
  for (Index j = 0; j < spec.size(); ++j) {
    double uniform[max_params], u[max_params];
    for (int k = 0; k < max_params; ++k) uniform[k] = unit_interval(mix(mix(key, std::uint64_t(j)), std::uint64_t(k)));
    spec.cell_initial(uniform, u);
    to[j] = T(u[spec.cell_param]);
  }
}

// One key for all parameters of one cell, which may be a layer inside layers: "reverse.u" is of the cell "reverse.".
std::uint64_t owner_key(std::uint64_t layer_key, const std::string& name) {
  for (std::size_t i = 0; i < name.rfind('.') + 1; ++i) layer_key = mix(layer_key, std::uint64_t(name[i]));
  return layer_key;
}

}  // namespace

template <class T>
void initialize(BasicNetwork<T>& network, std::uint64_t seed, const Initialization& init) {
  check(init);
  Random random{seed};
  T* flat = network.flat().data();
  std::uint64_t layer_key = mix(seed, 1);
  for (const auto& layer : network.model()->layers) {
    layer_key = mix(layer_key, 1);
    for (const ParameterSpec& spec : layer->parameters()) {
      T* const end = flat + spec.size();
      using Role = ParameterSpec::Role;
      switch (spec.role) {
        case Role::input_weight: draw_weight(spec, init.input, 1, random, flat); break;
        case Role::recurrent_weight: draw_weight(spec, init.recurrent, init.recurrent_scale, random, flat); break;
        case Role::bias:
        case Role::unit:
          for (T* to = flat; to < end; ++to)
            *to = spec.role == Role::bias && init.bias == "zeros" ? T(0) : T(random.uniform(-spec.scale, spec.scale));
          if (init.forget_bias) std::fill(flat + spec.forget_gate.begin, flat + spec.forget_gate.end, T(*init.forget_bias));
          break;
        case Role::drawn_by_cell: draw_by_cell(spec, owner_key(layer_key, spec.name), flat); break;
        case Role::gain:
        case Role::zero: std::fill(flat, end, T(spec.role == Role::gain)); break;
        case Role::embedding:
          for (T* to = flat; to < end; ++to) *to = T(spec.scale * random.normal());
          break;
      }
      flat = end;
    }
  }
}

template void initialize(BasicNetwork<float>&, std::uint64_t, const Initialization&);
template void initialize(BasicNetwork<double>&, std::uint64_t, const Initialization&);

}  // namespace recurra
