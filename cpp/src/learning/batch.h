// A shard: some sequences of a batch, longest first, between the caller's padded arrays and the packed rows of a workspace.
#pragma once

#include "recurra/runner.h"
#include "workspace.h"

namespace recurra {

// The rows of a batch split over `parts` shards, each longest first. Every row is in one shard.
template <class T>
std::vector<std::vector<Index>> split_rows(const Sequences<T>& x, int parts);

// How many of a sequence's valid steps lie inside a window, and those of these rows.
template <class T>
Index window_length(const Sequences<T>& x, Index sequence, Window window) {
  const Index length = x.length(sequence) - window.begin, most = window.end - window.begin;
  return length < 0 ? 0 : length < most ? length : most;
}
template <class T>
std::vector<Index> window_lengths(const Sequences<T>& x, const std::vector<Index>& rows, Window window);

// The window's valid steps into the workspace's input. Throws std::invalid_argument for a non-finite value or a bad class id.
template <class T>
void gather_input(const Sequences<T>& x, const std::vector<Index>& rows, Window window, Workspace<T>& workspace);

// The window's outputs to their places in y, zeros past a sequence's end.
template <class T>
void scatter_output(Workspace<T>& workspace, const Sequences<T>& x, const std::vector<Index>& rows, Window window, T* y);

}  // namespace recurra
