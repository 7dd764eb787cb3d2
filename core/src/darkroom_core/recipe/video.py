"""What can be made from a video: pictures, previews, other videos."""

from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from darkroom_core.recipe.fields import Side
from darkroom_core.schema import Document, exactly_one
from darkroom_core.vocabulary import VideoCodec

Seconds = Annotated[float, Field(ge=0, le=86_400)]
MAX_THUMBNAILS: Final = 48
_ONE_PRODUCT: Final = (
    "video names exactly one of poster, thumbnails, storyboard, preview and transcode"
)
_PRODUCTS: Final = ("poster", "thumbnails", "storyboard", "preview", "transcode")


class Poster(Document):
    """One frame, as a picture."""

    at: Seconds | None = Field(
        None,
        description="The time, in seconds. Without it, a frame near the beginning that is neither "
        "dark nor of one colour.",
    )


class Thumbnails(Document):
    """Frames at equal distances, each a picture of its own (name-1, name-2, ...)."""

    every: Annotated[float, Field(ge=0.1, le=3600)] | None = Field(
        None, description="Seconds between two; without it they are spread over the whole video."
    )
    frames: Annotated[int, Field(ge=1, le=MAX_THUMBNAILS)] = Field(
        10, description="How many there are at most."
    )


class Storyboard(Document):
    """A sheet of frames as one picture, and a WebVTT file that says which is shown when."""

    columns: Annotated[int, Field(ge=1, le=20)] = Field(5, description="Frames in a row.")
    frames: Annotated[int, Field(ge=1, le=400)] = Field(25, description="Frames in all.")
    width: Annotated[int, Field(ge=16, le=1024)] = Field(
        160, description="Width of one frame, in pixels."
    )


class Preview(Document):
    """A short moving picture without sound."""

    start: Seconds = Field(0.0, description="Where it begins, in seconds.")
    duration: Annotated[float, Field(ge=0.1, le=30)] = Field(
        3.0, description="How long it is, in seconds."
    )
    fps: Annotated[float, Field(ge=1, le=30)] = Field(10.0, description="Pictures a second.")
    speed: Annotated[float, Field(ge=0.25, le=16)] = Field(
        1.0, description="How much faster than the video it runs."
    )


class Transcode(Document):
    """Another video: of another size, codec or part."""

    start: Seconds = Field(0.0, description="Where it begins, in seconds.")
    duration: Annotated[float, Field(ge=0.1, le=86_400)] | None = Field(
        None, description="How long it is, in seconds; without it, to the end."
    )
    codec: VideoCodec | None = Field(
        None, description="h264 (in mp4), vp9 or av1; without it h264 in mp4 and vp9 in webm."
    )
    width: Side | None = Field(None, description="Longest width of its pictures, in pixels.")
    height: Side | None = Field(None, description="Greatest height of its pictures, in pixels.")
    fps: Annotated[float, Field(ge=1, le=120)] | None = Field(
        None, description="Most pictures a second; without it as many as the source has."
    )
    quality: Annotated[int, Field(ge=1, le=100)] = Field(
        60, description="From smallest (1) to best (100)."
    )
    audio: bool = Field(default=True, description="Whether it has sound, where the source has.")


class Video(Document):
    """What this output of a video is: exactly one of its fields is set."""

    model_config = ConfigDict(json_schema_extra=exactly_one(_ONE_PRODUCT))

    poster: Poster | None = Field(None, description="One frame, as a picture.")
    thumbnails: Thumbnails | None = Field(None, description="Frames at equal distances.")
    storyboard: Storyboard | None = Field(None, description="A sheet of frames and its WebVTT.")
    preview: Preview | None = Field(None, description="A short moving picture without sound.")
    transcode: Transcode | None = Field(None, description="Another video.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(getattr(self, name) is not None for name in _PRODUCTS) != 1:
            raise ValueError(_ONE_PRODUCT)
        return self
