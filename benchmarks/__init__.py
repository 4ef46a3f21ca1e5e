"""Benchmarks beside other libraries, in one process and on the same weights: ``python -m benchmarks``."""
