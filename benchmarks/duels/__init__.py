"""Triptych's methods and their peers, kind by kind: what `benchmarks.methods` times."""
