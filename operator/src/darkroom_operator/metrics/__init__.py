"""What the operator measures: a module for each family, and nothing of it decides anything.

No label names a task or a user: every label has few values, or as many as there are pools.
"""
