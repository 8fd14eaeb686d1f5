"""A long run under injected faults: which faults, when, and what came of each."""
