"""What can go wrong, as far as somebody can be told what to do about it."""


class CommandError(Exception):
    """A command cannot go on; the message is one sentence for whoever typed it."""
