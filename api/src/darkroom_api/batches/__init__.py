"""Batches: many tasks that are made in one request, and looked at as one."""
