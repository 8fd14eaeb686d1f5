"""Measuring how fast everything is, beside other networks."""
