#!/usr/bin/env bash
# Installs Recurra into a virtual environment and runs the demo: ./run_demo.sh [--seed 1] [--epochs 150] [--quiet] ...
# Needs Python 3.11 (with venv and its headers) and a C++20 compiler; the rest comes from PyPI.
set -euo pipefail
cd "$(dirname "$0")"
source scripts/environment.sh
install_recurra progress
exec "$python" -m recurra demo "$@"
