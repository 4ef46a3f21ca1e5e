"""Benchmarks beside other libraries, in one process and on the same weights: ``python -m benchmarks``."""

import os

# Before anybody imports NumPy: its products keep to one thread, as those of the peers they are timed beside.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
