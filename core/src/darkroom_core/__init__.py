"""What the parts of Darkroom agree on.

The resource (`task`, `recipe`, `conditions`, `names`), what a processor is told (`assignment`)
and what it answers (`report`, `exit_codes`) are plain data: nothing in them reads a clock, the
environment or a network. Only `storage` performs IO.
"""
