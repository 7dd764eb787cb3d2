"""What can go wrong, as far as somebody can be told what to do about it.

`ApiError` is the one family of errors that requests end with. Each class is one `code`; its
docstring is the description that clients find at the problem's `type`.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from starlette.exceptions import HTTPException

from darkroom_api.problem import InvalidField

QUOTA_EXCEEDED: Final = "https://iana.org/assignments/http-problem-types#quota-exceeded"


class CommandError(Exception):
    """A command cannot go on; the message is one sentence for whoever typed it."""


class ApiError(HTTPException):
    """A request cannot be answered as it was wished."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]
    retryable: ClassVar[bool] = False
    type_url: ClassVar[str | None] = None
    """The problem's type, where a registry has one; else it is the description of the code."""
    violated_policies: list[str] | None = None
    """The limits that were in the way."""

    def __init__(
        self,
        detail: str,
        *,
        errors: list[InvalidField] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(self.status, detail, headers)
        self.errors = errors


class BadRequestError(ApiError):
    """The request is not well-formed HTTP, JSON or multipart."""

    status, code, title = 400, "bad_request", "Bad request"


class UnauthorizedError(ApiError):
    """There is no access token, or it is not valid, or has expired: get one from /v1/auth/token."""

    status, code, title = 401, "unauthorized", "Not signed in"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class OidcLoginError(ApiError):
    """The login at the OpenID provider did not succeed: begin again at /v1/auth/oidc/login."""

    status, code, title = 400, "oidc_login_failed", "Login did not succeed"


class WrongCredentialsError(ApiError):
    """No user has this e-mail address and this password."""

    status, code, title = 401, "wrong_credentials", "Wrong e-mail or password"


class RefreshRefusedError(ApiError):
    """The refresh token is not good, or not any more: sign in again."""

    status, code, title = 401, "refresh_refused", "Sign in again"


class EmailNotVerifiedError(ApiError):
    """The address has to be proven first, by the token that was mailed there."""

    status, code, title = 403, "email_not_verified", "E-mail address is not verified"


class AccountDisabledError(ApiError):
    """An admin has disabled this account."""

    status, code, title = 403, "account_disabled", "Account is disabled"


class MailedTokenError(ApiError):
    """The token is not the one that was mailed, was used, or is too old: ask for another."""

    status, code, title = 422, "mailed_token", "Token is not good"


class SignInBlockedError(ApiError):
    """Too many wrong tries: try again after the seconds in Retry-After."""

    status, code, title, retryable = 429, "sign_in_blocked", "Too many wrong tries", True

    def __init__(self, seconds: float) -> None:
        whole = max(1, round(seconds + 0.5))
        super().__init__(
            f"there were too many wrong tries: try again in {whole} s",
            headers={"Retry-After": str(whole)},
        )


class ForbiddenError(ApiError):
    """The request is understood, and not allowed."""

    status, code, title = 403, "forbidden", "Not allowed"


class InvalidSignatureError(ApiError):
    """The URL's signature is not for this request, or the URL has expired."""

    status, code, title = 403, "invalid_signature", "Invalid signature"


class NotFoundError(ApiError):
    """There is no such thing, or it belongs to somebody else."""

    status, code, title = 404, "not_found", "Not found"


class MethodNotAllowedError(ApiError):
    """The address exists, and has no such method: see the header Allow."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"


class EmailTakenError(ApiError):
    """A user has this e-mail address already."""

    status, code, title = 409, "email_taken", "E-mail address is taken"


class LastAdminError(ApiError):
    """Somebody has to manage users: the last admin stays, and nobody removes themselves."""

    status, code, title = 409, "last_admin", "Last admin"


class AlreadyFinishedError(ApiError):
    """The task has ended: it cannot be canceled, and its outputs cannot be written, any more."""

    status, code, title = 409, "already_finished", "Task has finished"


class TooManyKeysError(ApiError):
    """There are as many API keys as one user may have: revoke one that is not used."""

    status, code, title = 409, "too_many_api_keys", "Too many API keys"


class KeyInUseError(ApiError):
    """A request with this Idempotency-Key is under way: send it again after Retry-After."""

    status, code, title, retryable = 409, "idempotency_key_in_use", "Request is under way", True

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": "1"})


class KeyReusedError(ApiError):
    """This Idempotency-Key belongs to another request: give each request a key of its own."""

    status, code, title = 422, "idempotency_key_reused", "Idempotency-Key was used before"


class NotFinishedError(ApiError):
    """The task has not ended yet: cancel it, or wait, and then delete it."""

    status, code, title = 409, "not_finished", "Task has not finished"


class TooManyWebhooksError(ApiError):
    """There are as many webhooks as one user may have: delete one, or change one."""

    status, code, title = 409, "too_many_webhooks", "Too many webhooks"


class WebhookDisabledError(ApiError):
    """The webhook is disabled, so nothing is sent to it: enable it first."""

    status, code, title = 409, "webhook_disabled", "Webhook is disabled"


class NotReadyError(ApiError):
    """The task has not ended yet: ask again after the seconds in Retry-After."""

    status, code, title, retryable = 409, "not_ready", "Output is not ready", True

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": "1"})


class NoOutputError(ApiError):
    """The task ended without outputs; its error says why."""

    status, code, title = 409, "no_output", "Task made no outputs"


class NotFailedError(ApiError):
    """Only what has failed is replayed, and what has ended without success tried again."""

    status, code, title = 409, "not_failed", "Task has not failed"


class OutputGoneError(ApiError):
    """The output was made, and is not in storage any more, or was overwritten there."""

    status, code, title = 410, "output_gone", "Output is gone"


class SourceGoneError(ApiError):
    """What the task was made from is not kept any more, so it cannot be replayed: send it again."""

    status, code, title = 410, "source_gone", "Source is gone"


class TooLargeError(ApiError):
    """The body is longer than is accepted; nothing of it was kept."""

    status, code, title = 413, "too_large", "Too large"


class RangeError(ApiError):
    """The file has none of the bytes that Range asks for: Content-Range says how many it has."""

    status, code, title = 416, "range_not_satisfiable", "Range not satisfiable"


class ManagedElsewhereError(ApiError):
    """It was made by the chart, or by other means than the API, and is changed there."""

    status, code, title = 409, "managed_elsewhere", "Managed elsewhere"


class NameTakenError(ApiError):
    """There is one of this name already: change that, or choose another name."""

    status, code, title = 409, "name_taken", "Name is taken"


class ChangedMeanwhileError(ApiError):
    """Somebody else changed it at the same time: read it again, and try again."""

    status, code, title, retryable = 409, "changed_meanwhile", "Changed meanwhile", True


class TooManySchedulesError(ApiError):
    """There are as many schedules as one user may have: delete one, or change one."""

    status, code, title = 409, "too_many_schedules", "Too many schedules"


class UnsupportedMediaTypeError(ApiError):
    """The body has a Content-Type that this address does not take."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class InvalidError(ApiError):
    """The body or a parameter does not follow the rules; `errors` points at each place."""

    status, code, title = 422, "invalid", "Invalid request"


class FileRefusedError(ApiError):
    """The file is of no format that is taken, not what was declared, or too large a picture."""

    status, code, title = 422, "file_refused", "File is refused"


class DigestError(ApiError):
    """The bytes that came are not those of the digest: send the file again."""

    status, code, title = 422, "digest_mismatch", "Digest does not match"


class ChecksumError(ApiError):
    """The bytes of this request are not those of Upload-Checksum, and were not kept (tus)."""

    status, code, title, retryable = 460, "checksum_mismatch", "Checksum does not match", True


class UploadOverError(ApiError):
    """The upload was completed, canceled or refused, or has expired: its status says which."""

    status, code, title = 409, "upload_over", "Upload is over"


class UploadMissingError(ApiError):
    """Nothing has come yet under the upload's URL: send the bytes first."""

    status, code, title, retryable = 409, "upload_missing", "Bytes are not there", True


class UploadBusyError(ApiError):
    """Another request is writing this upload: try again after Retry-After."""

    status, code, title, retryable = 423, "upload_busy", "Upload is being written", True

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": "2"})


class OffsetError(ApiError):
    """Upload-Offset is not where the upload stands: ask with HEAD, and go on from there (tus)."""

    status, code, title = 409, "wrong_offset", "Wrong offset"


class UploadGoneError(ApiError):
    """The upload was canceled, or has expired (tus)."""

    status, code, title = 410, "upload_gone", "Upload is gone"


class TusVersionError(ApiError):
    """The header Tus-Resumable names a version that is not spoken here: 1.0.0 is."""

    status, code, title = 412, "tus_version", "Version of tus"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Tus-Version": "1.0.0"})


class QuotaExceededError(ApiError):
    """The tasks or bytes do not fit into the user's quota: GET /v1/me/quota shows it."""

    status, code, title, retryable = 429, "quota_exceeded", "Quota exceeded", True
    type_url = QUOTA_EXCEEDED

    def __init__(self, detail: str, *, policy: str, retry_after: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})
        self.violated_policies = [policy]


class RateLimitedError(ApiError):
    """More requests than are allowed at a time: send it again after the seconds in Retry-After."""

    status, code, title, retryable = 429, "rate_limited", "Too many requests", True
    type_url = QUOTA_EXCEEDED

    def __init__(self, detail: str, *, policy: str, retry_after: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})
        self.violated_policies = [policy]


class HeadersTooLargeError(ApiError):
    """The request has too many headers, or too long ones, or too long a URL."""

    status, code, title = 431, "headers_too_large", "Headers are too large"


class BusyError(ApiError):
    """All clients together send more than this installation takes: try again after Retry-After."""

    status, code, title, retryable = 503, "busy", "Too much to do at the moment", True
    type_url = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"

    def __init__(self, detail: str, *, policy: str, retry_after: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})
        self.violated_policies = [policy]


class InternalError(ApiError):
    """A defect in Darkroom: its log has more under the same request id."""

    status, code, title, retryable = 500, "internal", "Internal error", True


class UnavailableError(ApiError):
    """Postgres or storage does not answer, or there is no room: try again after Retry-After."""

    status, code, title, retryable = 503, "unavailable", "Temporarily unavailable", True

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": "2"})


def catalogue() -> dict[str, type[ApiError]]:
    """Return every kind of error by its code."""
    return {kind.code: kind for kind in ApiError.__subclasses__()}
