"""Problem documents: how every error looks on the wire (RFC 9457)."""

from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"


class InvalidField(BaseModel):
    """One place in the request that is not right."""

    pointer: str = Field(
        description="Where, as a JSON pointer; # is the body.", examples=["#/outputs/0/format"]
    )
    detail: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """An error."""

    type: str = Field(description="URL of the description of this kind of problem.")
    title: str = Field(description="The kind of problem, in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong this time, and what to do about it.")
    code: str = Field(description="The kind of problem, as a stable word.", examples=["not_found"])
    request_id: str = Field(description="Also in the header X-Request-Id and in the log.")
    trace_id: str | None = Field(
        None, description="The request's trace, where it is traced. Also in the log."
    )
    retryable: bool = Field(description="Whether the same request may succeed later.")
    errors: list[InvalidField] | None = Field(
        None, description="For code invalid: each place that is not right."
    )
    violated_policies: list[str] | None = Field(
        None,
        serialization_alias="violated-policies",
        description="For codes rate_limited, quota_exceeded and busy: which limits.",
        examples=[["read"]],
    )
