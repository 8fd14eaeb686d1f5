"""Evaluation of recorded drives and data sets: scores, timings and a report."""
