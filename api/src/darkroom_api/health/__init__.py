"""Probes, metrics, and what problems mean."""
