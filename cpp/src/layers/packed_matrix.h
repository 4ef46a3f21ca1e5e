// A matrix B (depth x width) in the form the products read, and C += A B on it.
#pragma once

#include <new>
#include <vector>

#include "../backends/backend.h"

namespace recurra {

// Panels start on a cache line: a register-wide load never crosses one.
template <class T>
struct CacheLineAllocator {
  using value_type = T;
  static constexpr std::align_val_t alignment{64};
  CacheLineAllocator() = default;
  template <class U>
  CacheLineAllocator(const CacheLineAllocator<U>&) {}
  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), alignment)); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, alignment); }
  template <class U>
  bool operator==(const CacheLineAllocator<U>&) const {
    return true;
  }
};
template <class T>
using AlignedVector = std::vector<T, CacheLineAllocator<T>>;

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
  void multiply(const Products<T>& products, const T* a, Index a_stride, Index rows, T* c, Index c_stride) const {
    if (rows > 0) products.multiply(a, a_stride, rows, data_.data(), depth_, width_, c, c_stride);
  }

 private:
  Index depth_ = 0, width_ = 0;
  AlignedVector<T> data_;
};

}  // namespace recurra
