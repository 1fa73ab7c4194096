"""Benchmarks: figures as ratios against a baseline of the same run.

    .venv/bin/python -m tests.bench engine|steps|photos [DIR] [--json]

They print; they never fail the tests. Trust ratios and counts, not milliseconds.
"""
