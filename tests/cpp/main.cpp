// Runs the tests under the instruction set that RECURRA_ISA names; exit code 77 (skipped) where the machine lacks it.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "recurra/isa.h"
#include "test_cells.h"

int main(int argc, char** argv) {
  if (const char* wanted = std::getenv("RECURRA_ISA")) {
    const auto names = recurra::available_isas();
    if (std::find(names.begin(), names.end(), wanted) == names.end()) {
      std::printf("this machine cannot run %s\n", wanted);
      return 77;
    }
  }
  register_test_cells();
  doctest::Context context(argc, argv);
  return context.run();
}

TEST_CASE("the forced instruction set is the one in use") {
  if (const char* expected = std::getenv("RECURRA_EXPECTED_ISA")) CHECK(recurra::isa() == expected);
}
