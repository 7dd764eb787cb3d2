"""`python -m darkroom_processor`."""

import signal
import sys

# First of all: until this is done, the kernel drops a SIGTERM for process 1 of a container.
if len(sys.argv) == 1:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

from darkroom_processor.command import main  # slower than the line above

if __name__ == "__main__":
    main()
