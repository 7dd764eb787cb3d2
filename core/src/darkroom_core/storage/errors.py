"""What can go wrong with storage."""


class StorageError(Exception):
    """Storage did not answer, or refused; the message says what it said."""


class ObjectNotFoundError(StorageError):
    """There is no object under this key."""


class InvalidKeyError(StorageError):
    """The key is not one that Darkroom uses: it could leave its place."""
