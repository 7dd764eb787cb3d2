"""The recipes that come with the chart, and those that values add."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from darkroom_cluster.binary import helm_path
from darkroom_core.preset import RecipeSpec

CHART = Path(__file__).parents[2] / "charts/darkroom"


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(helm_path()), "template", "darkroom", str(CHART), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def recipes(*arguments: str) -> dict[str, Any]:
    done = helm(*arguments)
    assert done.returncode == 0, done.stderr
    jobs = [d for d in yaml.safe_load_all(done.stdout) if d and d["kind"] == "Job"]
    found = [job for job in jobs if "-recipes-" in job["metadata"]["name"]]
    if not found:
        return {}
    (variable,) = found[0]["spec"]["template"]["spec"]["containers"][0]["env"]
    manifests = json.loads(variable["value"])
    assert {manifest["kind"] for manifest in manifests} == {"ProcessingRecipe"}
    return {manifest["metadata"]["name"]: manifest["spec"] for manifest in manifests}


def test_the_recipes_that_come_with_it_are_good_ones() -> None:
    specs = recipes()
    assert specs.keys() == {"avatar", "thumbnail", "web"}
    for spec in specs.values():
        assert RecipeSpec.model_validate(spec).description


def test_values_add_recipes_change_them_and_take_them_away(tmp_path: Path) -> None:
    poster = {
        "type": "Video",
        "outputs": [{"name": "a", "format": "webp", "video": {"poster": {}}}],
    }
    large = {"outputs": [{"name": "a", "format": "jpeg", "maxBytes": 20_000_000}]}
    values = tmp_path / "values.yaml"
    changed = {"poster": poster, "large": large, "web": None}
    values.write_text(yaml.safe_dump({"recipes": changed}))
    specs = recipes("--values", str(values))
    assert specs.keys() == {"avatar", "thumbnail", "poster", "large"}
    assert RecipeSpec.model_validate(specs["large"]).outputs[0].max_bytes == 20_000_000
    assert RecipeSpec.model_validate(specs["poster"])
    none = dict.fromkeys(("avatar", "thumbnail", "web"))
    values.write_text(yaml.safe_dump({"recipes": none}))
    assert recipes("--values", str(values)) == {}


@pytest.mark.parametrize("wrong", ["recipes.Big.outputs[0].name=a", "recipes.a.description=none"])
def test_what_is_no_recipe_is_refused(wrong: str) -> None:
    assert helm("--set", wrong).returncode != 0
