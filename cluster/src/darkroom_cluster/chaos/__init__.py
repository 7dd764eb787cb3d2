"""`make chaos`: breaks what Darkroom stands on while tasks are in flight, and checks what is left.

`faults` breaks, `load` keeps tasks in flight and remembers what was said of them, `evidence`
gathers what the stores say at the end, `invariants` judges it and `table` tells it.
"""
