// The products on packed panels beside Eigen's, compiled with the same flags: the recurrent product C += A W^T of one step, on
// a matrix W (gates * hidden x hidden) packed once, and the weight gradient C += A^T B over all steps. GFLOP/s.
// Eigen gets W both as it lies and transposed, and the better of the two counts. Prints JSON, one object per line.
#include <Eigen/Core>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "backends/cpu/products.inl"
#include "timing.h"

#define RECURRA_TEXT_OF(name) #name
#define RECURRA_TEXT(name) RECURRA_TEXT_OF(name)

namespace {

using recurra::Index;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
constexpr Index gates = 4;

struct Packed {  // on a cache line, as the library keeps it
  explicit Packed(const Matrix& w) : data(recurra::packed_size<float>(w.cols(), w.rows()) + 16) {
    recurra::pack(w.data(), 1, w.cols(), w.cols(), w.rows(), aligned());
  }
  float* aligned() { return data.data() + (64 - reinterpret_cast<std::uintptr_t>(data.data()) % 64) / sizeof(float) % 16; }
  std::vector<float> data;
};

void require_equal(const Matrix& ours, const Matrix& theirs) {
  if ((ours - theirs).cwiseAbs().maxCoeff() > 1e-4f * (1 + theirs.cwiseAbs().maxCoeff())) {
    std::fprintf(stderr, "products: the results differ\n");
    std::exit(1);
  }
}

void print(const char* product, Index rows, Index hidden, double operations, double ours, double theirs) {
  std::printf("{\"isa\": \"%s\", \"product\": \"%s\", \"rows\": %td, \"hidden\": %td, \"recurra\": %.2f, \"eigen\": %.2f}\n",
              RECURRA_TEXT(RECURRA_ISA), product, rows, hidden, operations / ours * 1e-9, operations / theirs * 1e-9);
  std::fflush(stdout);
}

void recurrent(Index rows, Index hidden, double budget) {
  const Index width = gates * hidden;
  const Matrix a = Matrix::Random(rows, hidden), w = Matrix::Random(width, hidden), w_transposed = w.transpose();
  Matrix c = Matrix::Zero(rows, width), d = c, e = c;
  Packed packed(w);
  const float* panels = packed.aligned();
  const auto ours = [&] {
    recurra::multiply(a.data(), hidden, rows, panels, hidden, width, c.data(), width, c.data(), width, recurra::Reading::near);
  };
  const auto as_it_lies = [&] { d.noalias() += a * w.transpose(); };
  const auto transposed = [&] { e.noalias() += a * w_transposed; };
  ours();
  as_it_lies();
  transposed();
  require_equal(c, d);
  require_equal(c, e);
  const std::vector<double> times = benchmark::medians({ours, as_it_lies, transposed}, budget);
  print("recurrent", rows, hidden, 2.0 * double(rows * hidden * width), times[0], std::min(times[1], times[2]));
}

void weight_gradient(Index rows, Index hidden, double budget) {
  const Index width = gates * hidden;
  const Matrix a = Matrix::Random(rows, width), b = Matrix::Random(rows, hidden);
  Matrix c = Matrix::Zero(width, hidden), d = c;
  std::vector<float> scratch(std::size_t(recurra::outer_scratch<float>(width, hidden)), 0.0f);
  const auto ours = [&] {
    recurra::outer(a.data(), width, b.data(), hidden, rows, width, hidden, c.data(), hidden, scratch.data());
  };
  const auto theirs = [&] { d.noalias() += a.transpose() * b; };
  ours();
  theirs();
  require_equal(c, d);
  const std::vector<double> times = benchmark::medians({ours, theirs}, budget);
  print("gradient", rows, hidden, 2.0 * double(rows * hidden * width), times[0], times[1]);
}

}  // namespace

int main(int argc, char** argv) {
  const double budget = argc > 1 ? std::atof(argv[1]) : 1.0;
  for (const Index hidden : {32, 128, 256, 512}) {
    for (const Index rows : {1, 8, 32}) recurrent(rows, hidden, budget);
    weight_gradient(3200, hidden, budget);
  }
}
