"""The facts of a task's files: what facts.json says.

All that can be told is told of sources and outputs alike. What does not apply to a file is left
out. Nothing here says where a picture was taken.
"""

from typing import Annotated

from pydantic import Field

from darkroom_core.schema import Document

MAX_PALETTE = 8


class ColorShare(Document):
    """A colour, and how much of a picture has about that colour."""

    color: str = Field(description="The colour, #rrggbb.")
    share: float = Field(description="Part of the opaque pixels, 0 to 1.")


class CameraFacts(Document):
    """How a photograph was taken, by its EXIF; where it was taken is never told."""

    make: str | None = Field(None, description="The camera's maker.")
    model: str | None = Field(None, description="The camera.")
    lens: str | None = Field(None, description="The lens.")
    exposure_seconds: float | None = Field(None, description="Exposure time.")
    f_number: float | None = Field(None, description="Aperture.")
    iso: int | None = Field(None, description="Sensitivity.")
    focal_length: float | None = Field(None, description="Focal length in millimetres.")
    taken_at: str | None = Field(
        None, description="Date and time by the camera's clock, YYYY-MM-DDTHH:MM:SS."
    )


class VideoFacts(Document):
    """What a video is."""

    codec: str = Field(description="How its pictures are encoded.")
    frames_per_second: float | None = Field(None, description="Average rate of its pictures.")
    audio_codec: str | None = Field(None, description="How its sound is encoded; none: no sound.")
    bit_rate: int | None = Field(None, description="Bits for each second.")


class FileFacts(Document):
    """All that is known of one file."""

    name: str = Field(description="The file's name in the report; `source` of a single source.")
    format: str = Field(description="Its format, by its content.")
    bytes: int = Field(description="Size in bytes.")
    sha256: str = Field(description="SHA-256, in hexadecimal.")
    width: int | None = Field(None, description="Width in pixels, as it is stored.")
    height: int | None = Field(None, description="Height in pixels, as it is stored.")
    orientation: int = Field(1, description="EXIF orientation, 1 to 8; 1 is upright.")
    has_alpha: bool = Field(default=False, description="Whether anything may be transparent.")
    frames: int = Field(1, description="Frames of a moving picture, or pages.")
    duration_seconds: float | None = Field(None, description="Of a moving picture: its length.")
    depth: int | None = Field(None, description="Bits for each channel.")
    mode: str | None = Field(
        None, description="Its channels: gray, rgb, cmyk, lab or palette, as they are stored."
    )
    profile: str | None = Field(None, description="The name of its ICC profile.")
    dominant_color: str | None = Field(None, description="Its most frequent colour, #rrggbb.")
    palette: Annotated[list[ColorShare], Field(max_length=MAX_PALETTE)] = Field(
        default_factory=list, description="Its colours, the most frequent first."
    )
    blur_hash: str | None = Field(None, description="BlurHash of the upright picture, 4 x 3.")
    thumb_hash: str | None = Field(None, description="ThumbHash of the upright picture, Base64.")
    perceptual_hash: str | None = Field(
        None,
        description="64-bit difference hash of the upright picture, in hexadecimal: pictures that "
        "look alike differ in few bits.",
    )
    camera: CameraFacts | None = Field(None, description="How a photograph was taken.")
    video: VideoFacts | None = Field(None, description="Of a video: how it is encoded.")


class Facts(Document):
    """The facts of a task's files: the document facts.json."""

    sources: list[FileFacts] = Field(default_factory=list, description="What was fetched.")
    outputs: list[FileFacts] = Field(default_factory=list, description="What was made.")
