"""Where bytes live: one interface, a directory or an S3 bucket behind it.

The interface is synchronous and small, because both backends are: callers on an event loop run it
in a thread. Importing this package does not import boto3; opening the S3 backend does.
"""

from darkroom_core.storage.base import Storage, StoredObject
from darkroom_core.storage.errors import InvalidKeyError, ObjectNotFoundError, StorageError
from darkroom_core.storage.incoming import Incoming, parked_size
from darkroom_core.storage.settings import StorageSettings, open_storage

__all__ = [
    "Incoming",
    "InvalidKeyError",
    "ObjectNotFoundError",
    "Storage",
    "StorageError",
    "StorageSettings",
    "StoredObject",
    "open_storage",
    "parked_size",
]
