// A matrix B (depth x width) in the form the products read, and products with it. Where the thread has a team (RowTeam::Scope),
// it shares large ones.
#pragma once

#include "../backends/backend.h"
#include "aligned_vector.h"
#include "bytes.h"

namespace recurra {

template <class T>
class PackedMatrix {
 public:
  // B[k][n] = source[k * depth_stride + n * width_stride]
  void pack(const Products<T>& products, const T* source, Index depth_stride, Index width_stride, Index depth, Index width) {
    depth_ = depth;
    width_ = width;
    data_.resize(std::size_t(products.packed_size(depth, width)));
    products.pack(source, depth_stride, width_stride, depth, width, data_.data());
  }
  // B = M^T and B = M for a row-major M [rows][columns].
  void pack_transposed(const Products<T>& products, const T* m, Index rows, Index columns) {
    pack(products, m, 1, columns, columns, rows);
  }
  void pack_plain(const Products<T>& products, const T* m, Index rows, Index columns) {
    pack(products, m, columns, 1, rows, columns);
  }
  // C += A B
  void multiply(const Products<T>& products, const T* a, Index a_stride, Index rows, T* c, Index c_stride) const {
    product(products, a, a_stride, rows, c, c_stride, c, c_stride);
  }
  // C = A B + start, a row for all rows (null: zeros)
  void multiply_from(const Products<T>& products, const T* start, const T* a, Index a_stride, Index rows, T* c,
                     Index c_stride) const {
    product(products, a, a_stride, rows, start, 0, c, c_stride);
  }
  std::size_t bytes() const { return bytes_of(data_); }

 private:
  void product(const Products<T>& products, const T* a, Index a_stride, Index rows, const T* base, Index base_stride, T* c,
               Index c_stride) const;

  Index depth_ = 0, width_ = 0;
  AlignedVector<T> data_;
};

// Products::outer, shared likewise; `scratch` is for a thread without a team.
template <class T>
void add_outer(const Products<T>& products, const T* a, Index a_stride, const T* b, Index b_stride, Index rows, Index m, Index n,
               T* c, Index c_stride, T* scratch);

}  // namespace recurra
