"""An upload's row as REST shows it."""

from typing import Final

from darkroom_core.assignment import SignedRequest
from darkroom_core.storage.signing import signed_url
from fastapi import Request, Response

from darkroom_api.resources import Resources
from darkroom_api.uploads.ids import staging_key
from darkroom_api.uploads.queries import UploadRow
from darkroom_api.uploads.schemas import UploadView

_JSON: Final = "application/json"
_OCTETS: Final = "application/octet-stream"


def answer(request: Request, resources: Resources, row: UploadRow, status: int = 200) -> Response:
    """Return the upload."""
    view = view_of(row, base_of(request, resources), resources)
    return Response(view.model_dump_json(), status, media_type=_JSON)


def created(request: Request, resources: Resources, row: UploadRow) -> Response:
    """Return an upload that this request made."""
    response = answer(request, resources, row, 201)
    response.headers["Location"] = f"{base_of(request, resources)}/v1/uploads/{row.id}"
    return response


def base_of(request: Request, resources: Resources) -> str:
    """Return where this request's client reaches the API."""
    return (resources.settings.public_url or str(request.base_url)).rstrip("/")


def view_of(row: UploadRow, base: str, resources: Resources) -> UploadView:
    """Return the upload, with where to send its bytes while they are awaited."""
    url = f"{base}/v1/uploads/{row.id}"
    is_awaited = row.status == "waiting"
    signed = _signed(row, base, resources) if is_awaited and row.via == "direct" else None
    facts = row.facts or {}
    return UploadView.model_validate(
        {
            "id": row.id,
            "status": "awaiting_upload" if is_awaited else row.status,
            "method": "PUT" if signed else None,
            "url": signed.url if signed else None,
            "headers": signed.headers if signed else {},
            "expires_at": row.expires_at,
            "filename": row.filename,
            "content_type": facts.get("content_type", row.content_type),
            "size": row.size,
            "received": row.received,
            "sha256": row.sha256,
            "width": facts.get("width"),
            "height": facts.get("height"),
            "key": row.key if row.status == "completed" else None,
            "tasks": row.task_ids,
            "error": row.error,
            "created_at": row.created_at,
            "finished_at": row.finished_at,
            "urls": {"self": url, "complete": f"{url}/complete", "cancel": f"{url}/cancel"},
        }
    )


def _signed(row: UploadRow, base: str, resources: Resources) -> SignedRequest:
    type_ = row.content_type or _OCTETS
    storage = resources.settings.storage
    if storage.backend == "s3":
        return resources.storage.sign_put(
            staging_key(row.id), content_type=type_, expires=row.expires_at
        )
    path = f"/v1/uploads/{row.id}/content"
    url = signed_url(base, "PUT", path, expires=row.expires_at, key=storage.signing_key_bytes)
    return SignedRequest(url=url, headers={"Content-Type": type_})
