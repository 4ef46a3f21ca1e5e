// Products on packed matrices against plain loops, in every backend: all remainders of rows, depth and width, strides wider
// than the rows, nothing written beside the result.
#include <doctest/doctest.h>

#include "layers/packed_matrix.h"
#include "problem.h"
#include "test_backends.h"

namespace {

using namespace recurra;

template <class T>
constexpr double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-13;

// Row-major, `gap` elements between a row and the next.
template <class T>
struct Matrix {
  Matrix(Index row_count, Index column_count, Index gap, std::uint64_t seed)
      : rows(row_count),
        columns(column_count),
        stride(column_count + gap),
        data(test::random_vector<T>(seed, row_count * stride + 1)) {}
  T& at(Index r, Index c) { return data[std::size_t(r * stride + c)]; }
  Index rows, columns, stride;
  std::vector<T> data;
};

template <class T>
void check_multiply(const Products<T>& products, Index rows, Index depth, Index width) {
  Matrix<T> a(rows, depth, 2, 1), b(depth, width, 1, 2), c(rows, width, 3, 3);
  for (const bool transposed : {false, true}) {
    // B as it lies, or given by its transpose.
    Matrix<T> source(transposed ? width : depth, transposed ? depth : width, 1, 4);
    for (Index k = 0; k < depth; ++k)
      for (Index n = 0; n < width; ++n) (transposed ? source.at(n, k) : source.at(k, n)) = b.at(k, n);
    AlignedVector<T> packed(std::size_t(products.packed_size(depth, width)));
    products.pack(source.data.data(), transposed ? 1 : source.stride, transposed ? source.stride : 1, depth, width,
                  packed.data());
    std::vector<T> actual = c.data;
    products.multiply(a.data.data(), a.stride, rows, packed.data(), depth, width, actual.data(), c.stride, actual.data(),
                      c.stride, Reading::near);
    for (const Reading reading : {Reading::forwards, Reading::backwards}) {
      std::vector<T> same = c.data;
      products.multiply(a.data.data(), a.stride, rows, packed.data(), depth, width, same.data(), c.stride, same.data(), c.stride,
                        reading);
      CHECK(same == actual);
    }
    std::vector<double> expected(c.data.begin(), c.data.end());
    for (Index r = 0; r < rows; ++r)
      for (Index n = 0; n < width; ++n)
        for (Index k = 0; k < depth; ++k) expected[std::size_t(r * c.stride + n)] += double(a.at(r, k)) * double(b.at(k, n));
    CHECK(test::difference(actual, expected) < tolerance<T>);
    for (Index r = 0; r < rows; ++r)
      for (Index n = width; n < c.stride; ++n) CHECK(actual[std::size_t(r * c.stride + n)] == c.at(r, n));
    CHECK(actual.back() == c.data.back());
    for (const bool from_row : {true, false}) {  // for all rows, or zeros
      std::vector<T> begun = c.data;
      products.multiply(a.data.data(), a.stride, rows, packed.data(), depth, width, from_row ? c.data.data() : nullptr, 0,
                        begun.data(), c.stride, Reading::near);
      std::vector<double> wanted = expected;
      for (Index r = 0; r < rows; ++r)
        for (Index n = 0; n < width; ++n)
          wanted[std::size_t(r * c.stride + n)] += double(from_row ? c.at(0, n) : T(0)) - double(c.at(r, n));
      CHECK(test::difference(begun, wanted) < tolerance<T>);
    }
  }
}

template <class T>
void check_outer(const Products<T>& products, Index rows, Index m, Index n) {
  Matrix<T> a(rows, m, 2, 1), b(rows, n, 1, 2), c(m, n, 3, 3);
  std::vector<T> scratch(std::size_t(products.outer_scratch(m, n)) + 1, T(7)), actual = c.data;
  products.outer(a.data.data(), a.stride, b.data.data(), b.stride, rows, m, n, actual.data(), c.stride, scratch.data());
  CHECK(scratch.back() == T(7));
  std::vector<double> expected(c.data.begin(), c.data.end());
  for (Index r = 0; r < rows; ++r)
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j) expected[std::size_t(i * c.stride + j)] += double(a.at(r, i)) * double(b.at(r, j));
  CHECK(test::difference(actual, expected) < tolerance<T>);
  for (Index i = 0; i < m; ++i)
    for (Index j = n; j < c.stride; ++j) CHECK(actual[std::size_t(i * c.stride + j)] == c.at(i, j));

  std::vector<T> again = c.data;
  products.outer(a.data.data(), a.stride, b.data.data(), b.stride, rows, m, n, again.data(), c.stride, scratch.data());
  CHECK(again == actual);  // bit by bit
}

template <class T>
void check_all(const Products<T>& products) {
  for (const Index rows : {1, 2, 3, 4, 5, 7, 8, 9, 15})
    for (const Index width : {1, 3, 4, 5, 8, 15, 16, 17, 33, 48, 50, 100}) {
      check_multiply(products, rows, 3, width);
      check_outer(products, rows, width, 5);
      check_outer(products, 3, rows, width);
    }
  check_multiply(products, 97, 70, 21);  // more rows than stay in the cache
  check_multiply(products, 200, 1, 9);
  check_outer(products, 300, 9, 21);  // more depth than one packed chunk
  // What is read as it lies, what is packed, and one of each.
  for (const Index rows : {5, 42, 100, 700})
    for (const Index m : {16, 20})
      for (const Index n : {16, 32, 48, 33}) check_outer(products, rows, m, n);
  check_outer(products, 513, 1, 1);
}

// Successive steps of a sweep through a matrix that is large, read in both directions.
template <class T>
void check_large(const Products<T>& products) {
  const Index depth = 301, width = 1013, steps = 4;
  for (const Index rows : {1, 3, 40}) {
    const Matrix<T> a(rows, depth, 1, 1), b(depth, width, 0, 2), base(steps * rows, width, 5, 3);
    PackedMatrix<T> packed;
    packed.pack_plain(products, b.data.data(), depth, width);
    AlignedVector<T> plain(std::size_t(products.packed_size(depth, width)));
    products.pack(b.data.data(), width, 1, depth, width, plain.data());
    std::vector<T> actual = base.data, expected = base.data;
    for (Index step = 0; step < steps; ++step) {
      const Index first = step * rows * base.stride;
      packed.multiply(products, a.data.data(), a.stride, rows, actual.data() + first, base.stride);
      products.multiply(a.data.data(), a.stride, rows, plain.data(), depth, width, expected.data() + first, base.stride,
                        expected.data() + first, base.stride, Reading::near);
    }
    CHECK(actual == expected);
    CHECK(actual != base.data);
  }
}

}  // namespace

TEST_CASE("products: a large matrix is read in both directions, to the same bits") {
  for (const TestBackend& isa : all_backends()) {
    CAPTURE(isa.backend.name);
    check_large(isa.backend.float32.products);
    check_large(isa.backend.float64.products);
  }
}

TEST_CASE("products: every backend = plain loops") {
  for (const TestBackend& isa : all_backends()) {
    CAPTURE(isa.backend.name);
    check_all(isa.backend.float32.products);
    check_all(isa.backend.float64.products);
  }
}
