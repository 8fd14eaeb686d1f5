"""Drawn roads with exact truth."""
