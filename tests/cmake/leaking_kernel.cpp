// What no kernel object may contain: a symbol that the linker may merge with other code's, an allocation, a static initialiser.
[[gnu::noinline]] inline int* shared_with_everyone(int count) { return new int[static_cast<unsigned>(count)]; }

namespace recurra::inline baseline {
int* made_before_main = shared_with_everyone(3);
}  // namespace recurra::inline baseline
