// The local online rules against their recursions written out by hand, unit by unit, while the weights move.
#include <doctest/doctest.h>

#include "online_problem.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using test::Vector;

constexpr Index n = 3, m = 2;

double logistic(double a) { return 1 / (1 + std::exp(-a)); }

// A layer's parameters, gate by gate: p of gate k and unit i multiplies z.
struct Gates {
  explicit Gates(BasicNetwork<double>& network)
      : w(network.parameter("0.weight_ih")), r(network.parameter("0.weight_hh")), b(network.parameter("0.bias")) {}
  double w_x(Index row, const Vector& x) const {
    double sum = 0;
    for (Index j = 0; j < m; ++j) sum += w[std::size_t(row * m + j)] * x[std::size_t(j)];
    return sum;
  }
  double r_h(Index row, const Vector& h) const {
    double sum = 0;
    for (Index j = 0; j < n; ++j) sum += r[std::size_t(row * n + j)] * h[std::size_t(j)];
    return sum;
  }
  double own(Index row, Index i) const { return r[std::size_t(row * n + i)]; }
  std::span<const double> w, r, b;
};

// Traces of one state: by row (gate, unit) and element of [x, h, 1].
using Traces = std::vector<Vector>;
Traces no_traces(Index gates) { return Traces(std::size_t(gates * n), Vector(std::size_t(m + n + 1))); }

// A rule on one layer: makes a step from what is there, and tells the gradient by row and element of [x, h, 1].
struct Rule {
  virtual ~Rule() = default;
  // The new h.
  virtual Vector step(const Gates& gates, const Vector& x, const Vector& h) = 0;
  virtual Traces gradient(const Vector& dh) = 0;
};

Vector joined(const Vector& x, const Vector& h) {
  Vector z = x;
  z.insert(z.end(), h.begin(), h.end());
  z.push_back(1);
  return z;
}

// trace <- keep trace + enter z, of one row
void advance(Vector& trace, double keep, double enter, const Vector& z) {
  for (std::size_t j = 0; j < z.size(); ++j) trace[j] = keep * trace[j] + enter * z[j];
}

Traces times(const Traces& traces, const Vector& dh) {
  Traces result = traces;
  for (std::size_t row = 0; row < result.size(); ++row)
    for (double& v : result[row]) v *= dh[row % std::size_t(n)];
  return result;
}

// e <- phi' (U_ii e + z)
struct SnApElman : Rule {
  Traces e = no_traces(1);
  Vector step(const Gates& g, const Vector& x, const Vector& h) override {
    Vector next(n);
    for (Index i = 0; i < n; ++i) {
      const std::size_t at = std::size_t(i);
      next[at] = std::tanh(g.w_x(i, x) + g.r_h(i, h) + g.b[at]);
      const double slope = 1 - next[at] * next[at];
      advance(e[at], slope * g.own(i, i), slope, joined(x, h));
    }
    return next;
  }
  Traces gradient(const Vector& dh) override { return times(e, dh); }
};

// The LSTM with gates i, f, g, o: what both its rules need of a step.
struct LstmStep {
  LstmStep(const Gates& gates, const Vector& x, const Vector& h, double c_before, Index unit) : c_past(c_before) {
    double a[4];
    for (Index k = 0; k < 4; ++k) {
      const Index row = k * n + unit;
      a[k] = gates.w_x(row, x) + gates.r_h(row, h) + gates.b[std::size_t(row)];
    }
    in = logistic(a[0]), forget = logistic(a[1]), candidate = std::tanh(a[2]), open = logistic(a[3]);
    c = forget * c_past + in * candidate;
    squashed = std::tanh(c);
    slope[0] = candidate * in * (1 - in);
    slope[1] = c_past * forget * (1 - forget);
    slope[2] = in * (1 - candidate * candidate);
    slope[3] = squashed * open * (1 - open);
    out = open * (1 - squashed * squashed);
  }
  double c_past, in, forget, candidate, open, c, squashed, slope[4], out;  // slope: of c by a_i, a_f, a_g; of h by a_o
};

// S. Hochreiter, J. Schmidhuber, 1997, with F. Gers' forget gates: dc/dw of input gate, forget gate and cell input, and the
// output gate's error of the step.
struct Rule1997 : Rule {
  Traces s = no_traces(3), now = no_traces(4);
  Vector c = Vector(n);
  Vector step(const Gates& g, const Vector& x, const Vector& h) override {
    Vector next(n);
    const Vector z = joined(x, h);
    for (Index i = 0; i < n; ++i) {
      const LstmStep u(g, x, h, c[std::size_t(i)], i);
      for (Index k = 0; k < 3; ++k) {
        Vector& trace = s[std::size_t(k * n + i)];
        advance(trace, u.forget, u.slope[k], z);
        for (std::size_t j = 0; j < z.size(); ++j) now[std::size_t(k * n + i)][j] = u.out * trace[j];
      }
      for (std::size_t j = 0; j < z.size(); ++j) now[std::size_t(3 * n + i)][j] = u.slope[3] * z[j];
      c[std::size_t(i)] = u.c;
      next[std::size_t(i)] = u.open * u.squashed;
    }
    return next;
  }
  Traces gradient(const Vector& dh) override { return times(now, dh); }
};

// e_c <- f e_c + A_ii e_h + d z,  e_h <- e e_c + B_ii e_h(old) + d_o z
struct SnApLstm : Rule {
  Traces ec = no_traces(4), eh = no_traces(4);
  Vector c = Vector(n);
  Vector step(const Gates& g, const Vector& x, const Vector& h) override {
    Vector next(n);
    const Vector z = joined(x, h);
    for (Index i = 0; i < n; ++i) {
      const LstmStep u(g, x, h, c[std::size_t(i)], i);
      double a = 0;
      for (Index k = 0; k < 3; ++k) a += u.slope[k] * g.own(k * n + i, i);
      const double b = u.slope[3] * g.own(3 * n + i, i);
      for (Index k = 0; k < 4; ++k)
        for (std::size_t j = 0; j < z.size(); ++j) {
          double &memory = ec[std::size_t(k * n + i)][j], &out = eh[std::size_t(k * n + i)][j];
          memory = u.forget * memory + a * out + (k < 3 ? u.slope[k] * z[j] : 0);
          out = u.out * memory + b * out + (k == 3 ? u.slope[3] * z[j] : 0);
        }
      c[std::size_t(i)] = u.c;
      next[std::size_t(i)] = u.open * u.squashed;
    }
    return next;
  }
  Traces gradient(const Vector& dh) override { return times(eh, dh); }
};

// The GRU with gates r, z, n (x side), q (h side): D_ii = z + d_z U_z + t r U_q + d_r U_r.
struct SnApGru : Rule {
  Traces e = no_traces(4);
  Vector step(const Gates& g, const Vector& x, const Vector& h) override {
    // Rows of weight_ih: r, z, n. Rows of weight_hh: r, z, q. Biases of all four.
    Vector next(n);
    const Vector joint = joined(x, h);
    for (Index i = 0; i < n; ++i) {
      const auto bias = [&](Index k) { return g.b[std::size_t(k * n + i)]; };
      const double r = logistic(g.w_x(i, x) + g.r_h(i, h) + bias(0));
      const double keep = logistic(g.w_x(n + i, x) + g.r_h(n + i, h) + bias(1));
      const double q = g.r_h(2 * n + i, h) + bias(3), candidate = std::tanh(g.w_x(2 * n + i, x) + bias(2) + r * q);
      const double t = (1 - keep) * (1 - candidate * candidate), past = h[std::size_t(i)];
      const double dr = t * q * r * (1 - r), dz = (past - candidate) * keep * (1 - keep);
      const double own = keep + dz * g.own(n + i, i) + t * r * g.own(2 * n + i, i) + dr * g.own(i, i);
      const double enter[4] = {dr, dz, t, t * r};
      for (Index k = 0; k < 4; ++k) advance(e[std::size_t(k * n + i)], own, enter[k], joint);
      next[std::size_t(i)] = keep * past + (1 - keep) * candidate;
    }
    return next;
  }
  Traces gradient(const Vector& dh) override { return times(e, dh); }
};

// J. M. Murray, 2019: e <- (1 - alpha) e + alpha phi' z; errors come by a fixed matrix, found from the first step's bias.
struct MurrayRule : Rule {
  static constexpr double alpha = 0.3;
  Traces e = no_traces(1);
  Vector step(const Gates& g, const Vector& x, const Vector& h) override {
    Vector next(n);
    for (Index i = 0; i < n; ++i) {
      const double value = std::tanh(g.w_x(i, x) + g.r_h(i, h) + g.b[std::size_t(i)]);
      advance(e[std::size_t(i)], 1 - alpha, alpha * (1 - value * value), joined(x, h));
      next[std::size_t(i)] = (1 - alpha) * h[std::size_t(i)] + alpha * value;
    }
    return next;
  }
  Traces gradient(const Vector& dh) override { return times(e, dh); }
};

// A parameter's rows among the gates, and where its columns begin in [x, h, 1].
struct Place {
  std::string name;
  std::vector<Index> gates;
  Index from, columns;
};
std::vector<Place> places(Index gates) {
  if (gates == 4 + 1)  // GRU: four gates, of which n has no R and q no W
    return {{"0.weight_ih", {0, 1, 2}, 0, m}, {"0.weight_hh", {0, 1, 3}, m, n}, {"0.bias", {0, 1, 2, 3}, m + n, 1}};
  std::vector<Index> all;
  for (Index k = 0; k < gates; ++k) all.push_back(k);
  return {{"0.weight_ih", all, 0, m}, {"0.weight_hh", all, m, n}, {"0.bias", all, m + n, 1}};
}

// One output y = W_out h + b, squared error, plain gradient descent.
void check(const LayerSpec& layer, Index gates, const OnlineRule& rule, Rule& by_hand, bool random_errors = false) {
  CAPTURE(to_string(layer));
  auto network = test::drawn_network({layer, linear(n, 1)}, 0.9);
  BasicOnline<double> learner(network, {.rule = rule, .optimizer = Sgd{0.1}});
  Vector h(n), matrix;
  for (Index t = 0; t < 20; ++t) {
    const Vector x = test::random_vector(10 + std::uint64_t(t), m), target = test::random_vector(50 + std::uint64_t(t), 1);
    const auto w_out = network.parameter("1.weight");
    h = by_hand.step(Gates(network), x, h);
    double y = network.parameter("1.bias")[0];
    for (Index i = 0; i < n; ++i) y += w_out[std::size_t(i)] * h[std::size_t(i)];
    const double dy = 2 * (y - target[0]);
    Vector dh(w_out.begin(), w_out.end());
    for (double& d : dh) d *= dy;
    Vector out(1);
    learner.step(x, out, {target.data()});
    CHECK(out[0] == doctest::Approx(y).epsilon(1e-12));
    const auto gradient = learner.gradient();
    const auto found = [&](const std::string& name) {
      for (const Parameter& p : network.parameters())
        if (p.name == name) return gradient.subspan(std::size_t(p.offset), std::size_t(p.size));
      return std::span<const double>{};
    };
    if (random_errors) {
      if (t == 0) {
        const Traces unit = by_hand.gradient(Vector(n, 1.0));
        for (Index i = 0; i < n; ++i) matrix.push_back(found("0.bias")[std::size_t(i)] / unit[std::size_t(i)].back() / dy);
        for (Index i = 0; i < n; ++i) CHECK(std::abs(matrix[std::size_t(i)]) <= 1 / std::sqrt(double(n)));
        CHECK(test::difference(matrix, Vector(w_out.begin(), w_out.end())) > 0.01);
      }
      for (Index i = 0; i < n; ++i) dh[std::size_t(i)] = matrix[std::size_t(i)] * dy;
    }
    const Traces expected = by_hand.gradient(dh);
    for (const Place& place : places(gates)) {
      CAPTURE(place.name);
      const auto actual = found(place.name);
      Vector values;
      for (const Index k : place.gates)
        for (Index i = 0; i < n; ++i)
          for (Index j = 0; j < place.columns; ++j)
            values.push_back(expected[std::size_t(k * n + i)][std::size_t(place.from + j)]);
      CHECK(test::difference(actual, values) < 1e-12);
    }
    CHECK(found("1.bias")[0] == doctest::Approx(dy).epsilon(1e-12));
  }
}

}  // namespace

TEST_CASE("online transcriptions: SnAp-1 of Elman, LSTM and GRU") {
  SnApElman elman_rule;
  check(elman(m, n), 1, SnAp{}, elman_rule);
  SnApLstm lstm_rule;
  check(lstm(m, n), 4, SnAp{}, lstm_rule);
  SnApGru gru_rule;
  check(gru(m, n), 4 + 1, SnAp{}, gru_rule);
}

TEST_CASE("online transcriptions: e-prop of the LSTM is the rule of 1997") {
  Rule1997 rule;
  check(lstm(m, n), 4, EProp{}, rule);
}

TEST_CASE("online transcriptions: RFLO of the leaky Elman network") {
  MurrayRule rule;
  check(cell_layer("LeakyElman(activation=tanh)", m, n), 1, Rflo{7}, rule, true);
}
