"""Idempotency-Key: a request that is sent twice is carried out once.

As draft-ietf-httpapi-idempotency-key-header-06 describes it. A key belongs to one user and one
address. The answer is written down in the transaction that does the work, so that there is never
one without the other; who dies in the middle leaves a hold that runs out and is taken over.
"""

from darkroom_api.idempotency.once import IdempotencyKey, Once, ReplayedError, replayed

__all__ = ["IdempotencyKey", "Once", "ReplayedError", "replayed"]
