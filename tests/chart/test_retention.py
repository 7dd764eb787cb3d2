"""The retention sweep is a schedule that the release makes."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from darkroom_cluster.binary import helm_path
from darkroom_core.schedule import ProcessingSchedule
from darkroom_operator import apply

CHART = Path(__file__).parents[2] / "charts/darkroom"


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(helm_path()), "template", "darkroom", str(CHART), "-n", "media", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def schedules(*arguments: str) -> list[dict[str, Any]]:
    done = helm(*arguments)
    assert done.returncode == 0, done.stderr
    return [
        manifest
        for document in yaml.safe_load_all(done.stdout)
        if document and document["kind"] == "Job"
        for container in document["spec"]["template"]["spec"]["containers"]
        for variable in container["env"]
        if variable["name"] == apply.MANIFESTS
        for manifest in json.loads(variable["value"])
        if manifest["kind"] == "ProcessingSchedule"
    ]


def test_it_is_there_unless_it_is_left_out() -> None:
    (schedule,) = schedules()
    assert schedule["metadata"]["name"] == "darkroom-retention"
    assert schedule["spec"] == {
        "schedule": "17 3 * * *",
        "timeZone": "Etc/UTC",
        "cleanup": {"outputsAfterSeconds": 2_592_000},
    }
    assert apply.path_of(schedule) == (
        "/apis/darkroom.dev/v1alpha1/namespaces/media/processingschedules/darkroom-retention"
    )
    assert schedules("--set", "retention.enabled=false") == []


def test_the_values_are_passed_on() -> None:
    (schedule,) = schedules(
        *("--set", "retention.schedule=0 5 * * SUN", "--set", "retention.timeZone=Europe/Berlin"),
        *("--set", "retention.outputsAfterSeconds=864000000"),
        *("--set", "retention.historyAfterSeconds=31536000"),
    )
    spec = ProcessingSchedule.model_validate(schedule).spec
    assert (spec.schedule, spec.time_zone) == ("0 5 * * SUN", "Europe/Berlin")
    assert spec.cleanup
    assert spec.cleanup.outputs_after_seconds == 864_000_000
    assert spec.cleanup.history_after_seconds == 31_536_000


@pytest.mark.parametrize(
    "nonsense",
    ["schedule=@daily", "schedule=0 3 * *", "outputsAfterSeconds=5", "historyAfterSeconds=0"],
)
def test_nonsense_is_refused(nonsense: str) -> None:
    done = helm("--set", f"retention.{nonsense}")
    assert done.returncode != 0
    assert "retention" in done.stderr
