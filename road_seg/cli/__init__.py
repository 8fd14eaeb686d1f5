"""The `road-seg` command."""
