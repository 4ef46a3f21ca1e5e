# Sourced by run_demo.sh and run_tests.sh, at the top of the source tree: a virtual environment (.venv, or $RECURRA_VENV), made by
# python3 (or $PYTHON), and install_recurra, which installs this tree into it.

absolute() { case $1 in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }
venv=$(absolute "${RECURRA_VENV:-.venv}")
python=$venv/bin/python
export CXX=${CXX:-c++} CMAKE_GENERATOR=Ninja  # the same for every build
pip() { "$python" -m pip --disable-pip-version-check "$@"; }

if ! [ -x "$python" ]; then
  "${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Recurra needs Python 3.11 or later, this is " + sys.version)'
  command -v "$CXX" >/dev/null || { echo "Recurra needs a C++20 compiler, and $CXX is not there" >&2; exit 1; }
  echo "making a virtual environment in $venv"
  "${PYTHON:-python3}" -m venv "$venv"
fi

# install_recurra <extra> [option of pip wheel ...]: builds a wheel, unless one was built of these very sources, and installs it.
install_recurra() {
  local extra=$1 folder=$venv/recurra-wheel sources needs
  shift
  sources=$(find CMakeLists.txt pyproject.toml README.md LICENSE cmake cpp python -type f \
    ! -name '*.so' ! -path '*/__pycache__/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum)
  if [ "$sources" != "$(cat "$folder/sources" 2>/dev/null)" ]; then
    echo "building recurra"
    rm -rf "$folder"
    # Built with the tools of this environment, not of a passing one, so that a build folder can be used again.
    mapfile -t needs < <("$python" -c \
      'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")')
    pip install --quiet "${needs[@]}" cmake ninja
    PATH=$venv/bin:$PATH pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$folder" "$@" .
    pip install --quiet --force-reinstall --no-deps "$folder"/recurra-*.whl
    printf '%s\n' "$sources" >"$folder/sources"
  fi
  pip install --quiet "$(echo "$folder"/recurra-*.whl)[$extra]"
}
