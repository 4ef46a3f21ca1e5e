#!/usr/bin/env bash
# Installs Recurra and what its tests need into a virtual environment, and runs all tests, in C++ and Python, under each
# instruction set of this machine. Arguments go to pytest (--pdb with -n0).
# Needs Python 3.11 (with venv and its headers) and a C++20 compiler; the rest comes from PyPI, and doctest from the system,
# apt-get or its home page.
set -euo pipefail
cd "$(dirname "$0")"
source scripts/environment.sh
build=$(absolute "${RECURRA_BUILD:-build}")

# The wheel and the C++ tests are built in one folder, as one set of objects; settings are made anew for each.
rm -f "$build/CMakeCache.txt"
install_recurra test --config-settings=build-dir="$build" --config-settings=cmake.define.RECURRA_WERROR=ON
if ! [ -e /usr/include/doctest/doctest.h ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get install --yes -qq doctest-dev || { apt-get update -qq && apt-get install --yes -qq doctest-dev; } ||
    echo "doctest-dev cannot be installed; CMake will try to download doctest" >&2
fi

failed=()
echo "building the C++ tests in $build"
export PATH=$venv/bin:$PATH
rm -f "$build/CMakeCache.txt"
cmake --preset default -B "$build" -DCMAKE_MAKE_PROGRAM="$venv/bin/ninja" -DPython3_EXECUTABLE="$python" >/dev/null
cmake --build "$build"
ctest --test-dir "$build" --parallel "$(nproc)" --output-on-failure --output-junit "$build/ctest.xml" || failed+=(ctest)
read -ra isas <<<"$("$python" -c 'import recurra; print(*recurra.available_isas())')"
for isa in "${isas[@]}"; do
  echo "pytest, RECURRA_ISA=$isa"
  some=()
  [ "$isa" = "${isas[-1]}" ] || some=(-m "not slow and not once")  # whole studies run under the widest set alone
  RECURRA_ISA=$isa RECURRA_EXPECTED_ISA=$isa "$python" -m pytest -q --numprocesses="$(nproc)" --maxprocesses=4 --dist=worksteal \
    --junitxml="$build/pytest-$isa.xml" "${some[@]}" "$@" ||
    failed+=("pytest ($isa)")
done

if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
echo "all tests passed"
