from typing import Any

from darkroom_cluster import buildah


def _image(number: int, *names: str) -> dict[str, Any]:
    return {"id": str(number), "createdatraw": f"2025-01-{number:02}T00:00:00Z", "names": names}


def test_the_newest_builds_of_an_image_are_kept_and_the_others_given_up() -> None:
    listed = [_image(number, f"localhost/api:{number}") for number in range(1, 8)]

    assert set(buildah.superseded(listed, "api", "7")) == {
        f"localhost/api:{number}" for number in range(1, 8 - buildah.KEPT)
    }


def test_the_image_just_built_is_kept_however_old_its_layers_are() -> None:
    listed = [_image(number, f"localhost/api:{number}") for number in range(1, 8)]

    assert "localhost/api:1" not in buildah.superseded(listed, "api", "1")


def test_images_of_other_names_and_without_names_are_left_alone() -> None:
    listed = [_image(number, f"localhost/other:{number}") for number in range(1, 8)]
    listed += [{"id": "9", "createdatraw": "2025-01-09T00:00:00Z", "names": None}]

    assert buildah.superseded(listed, "api", "1") == []
