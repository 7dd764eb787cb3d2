"""HEIC is tried by another process first: a damaged file may end libheif, and its process, at once.

Run as a program it does nothing but decode a file.
"""

import subprocess
import sys

from PIL import Image

from darkroom_processor.errors import Code, Rejected
from darkroom_processor.image import memory, plugins
from darkroom_processor.image.sniff import SourceFormat
from darkroom_processor.limits import allowed_memory, check_memory


def check_decodes(path: str, pixels: int) -> None:
    """Raise Rejected where decoding a file ends a process by a signal.

    Any other trouble is left to whoever decodes it next, and can say what it is.
    """
    command = [sys.executable, "-m", __name__, path, str(pixels)]
    ended = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False
    ).returncode
    if ended < 0:
        raise Rejected(
            Code.CORRUPT_IMAGE,
            f"The source cannot be decoded: it is damaged so that its decoder breaks down (signal "
            f"{-ended}). Save it anew, or upload it again.",
        )


def main() -> None:
    """Decode the file of the first argument, of at most as many pixels as the second says."""
    path, pixels = sys.argv[1:]
    plugins.load_reader(SourceFormat.HEIC)
    Image.MAX_IMAGE_PIXELS = max(1, int(pixels) // 2)
    with Image.open(path, formats=[plugins.PILLOW_NAMES[SourceFormat.HEIC]]) as image:
        needed = memory.needed_to_decode(SourceFormat.HEIC, image.size, image.size)
        check_memory(needed, allowed_memory())
        image.load()


if __name__ == "__main__":
    main()
