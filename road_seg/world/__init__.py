"""A procedural road world: drawn drives with exact truth."""
