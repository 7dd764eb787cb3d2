"""The objects that a task wishes for: one module per kind, each a plain function."""
