"""Videos: pictures of them, previews, other videos, and their facts.

PyAV is imported by the modules that decode, never by `sniff`.
"""
