"""The API server itself refuses a bad task, with a sentence that helps."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from darkroom_cluster.binary import kubectl_path
from darkroom_cluster.cluster import Cluster
from darkroom_core.preset import RecipeSpec
from darkroom_core.task import TaskSpec
from pydantic import ValidationError

CRDS = Path(__file__).parents[2] / "crds"
KINDS = ("processingtasks", "processingrecipes")
Spec = dict[str, Any]


def kubectl(
    cluster: Cluster, *arguments: str, document: object = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(kubectl_path()), *arguments],
        env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
        input=None if document is None else json.dumps(document),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """Return a namespace that no operator watches."""
    for kind in KINDS:
        crd = f"{kind}.darkroom.dev"
        if kubectl(cluster, "get", "crd", crd).returncode != 0:
            done = kubectl(cluster, "create", "-f", str(CRDS / f"{crd}.yaml"))
            assert done.returncode == 0, done.stderr
            kubectl(cluster, "wait", "--for=condition=Established", f"crd/{crd}", "--timeout=30s")
    name = f"resource-{uuid.uuid4().hex[:8]}"
    assert kubectl(cluster, "create", "namespace", name).returncode == 0
    yield name
    kubectl(cluster, "delete", "namespace", name, "--wait=false")


def task(namespace: str, spec: Spec, name: str = "a") -> dict[str, Any]:
    return {
        "apiVersion": "darkroom.dev/v1alpha1",
        "kind": "ProcessingTask",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def spec(**changes: Any) -> Spec:
    outputs = [{"name": "a", "format": "webp"}]
    return {"source": {"key": "uploads/a"}, "outputs": outputs, **changes}


def output(**changes: Any) -> Spec:
    return spec(outputs=[{"name": "a", "format": "webp", **changes}])


def typed(type_: str, **changes: Any) -> Spec:
    return {"type": type_, **changes}


SOURCE = {"key": "uploads/a"}
SOURCES = [SOURCE, {"url": "https://example.com/b.png", "caption": "B"}]
ONE = [{"name": "a", "format": "webp"}]
PDF = [{"name": "a", "format": "pdf"}]
POSTER = [{"name": "a", "format": "webp", "video": {"poster": {}}}]
SET = {"widths": [320, 640], "formats": ["avif", "jpeg"]}
MANY = {"widths": list(range(1, 13)), "formats": ["avif", "jpeg"]}

REFUSED = [
    (spec(outputs=[]), "a task has outputs or a recipe"),
    (spec(outputs=[{"name": f"o{i}", "format": "png"} for i in range(65)]), "at most 64 items"),
    (spec(outputs=[{"name": "a", "format": "png"}] * 2), "Duplicate value"),
    (output(format="psd"), 'supported values: "jpeg", "png"'),
    (output(operations=[{"resize": {}}]), "resize needs a width, a height or a scale"),
    (
        output(operations=[{"resize": {"width": 1, "scale": 2}}]),
        "a scale, or a width and a height, not both",
    ),
    (output(operations=[{"crop": {"width": 1}}]), "an aspect, or both a width and a height"),
    (output(operations=[{}]), "each operation names exactly one thing to do"),
    (
        output(operations=[{"grayscale": {}, "crop": {"width": 1, "height": 1}}]),
        "each operation names exactly one thing to do",
    ),
    (output(operations=[{"blur": {"sigma": 1000}}]), "less than or equal to 250"),
    (output(operations=[{"tint": {"color": "red"}}]), "should match"),
    (
        output(operations=[{"overlay": {"source": {"key": "a", "url": "https://a/b"}}}]),
        "source names exactly one of key and url",
    ),
    (output(format="png", quality=80), "quality is for jpeg"),
    (output(format="jpeg", lossless=True), "lossless is for webp"),
    (output(progressive=True), "progressive is for jpeg"),
    (output(quality=80, similarity=0.9), "give one of quality, similarity and maxBytes"),
    (output(format="json"), 'supported values: "jpeg", "png"'),
    (
        output(format="html", responsive={**SET, "formats": ["pdf"]}),
        'supported values: "avif", "webp"',
    ),
    (
        output(operations=[{"overlay": {"source": SOURCE, "gravity": "entropy"}}]),
        'supported values: "center"',
    ),
    (output(format="html"), "responsive goes with format html"),
    (output(format="mp4"), "mp4 and webm are for a video's transcode"),
    (output(name="Big"), "should match"),
    (spec(source={}), "source names exactly one of key and url"),
    (spec(source={"key": "../secret"}), "should match"),
    (spec(source={"url": "file:///etc/passwd"}), "should match"),
    (spec(source={"url": "https://example.com/\0"}), "should match"),
    (spec(source={"url": "https://example.com/\x1b"}), "should match"),
    (spec(source={"url": "https://example.com/\x7f"}), "should match"),
    (spec(retries=11), "less than or equal to 10"),
    (spec(outptus=[]), "unknown field"),
    (spec(sources=SOURCES), "has a source, and no sources"),
    (spec(recipe="web"), "a task has outputs or a recipe"),
    (typed("Image", outputs=ONE), "has a source, and no sources"),
    (typed("Inspect", source=SOURCE, outputs=ONE), "one of type Inspect or Cleanup has neither"),
    (typed("Video", source=SOURCE, outputs=ONE), "says by video what it is"),
    (
        typed(
            "Video",
            source=SOURCE,
            outputs=[{"name": "a", "format": "webp", "video": {"poster": {}, "preview": {}}}],
        ),
        "video names exactly one of poster",
    ),
    (
        typed(
            "Video",
            source=SOURCE,
            outputs=[{"name": "a", "format": "jpeg", "video": {"preview": {}}}],
        ),
        "a preview is gif, webp, png or avif",
    ),
    (typed("Image", source=SOURCE, outputs=POSTER), "says by video what it is"),
    (typed("Report", source=SOURCE, outputs=PDF), "Report has sources, and no source"),
    (typed("Report", sources=SOURCES, outputs=ONE), "Report are pdf"),
    (typed("Export", outputs=[{"name": "a", "format": "csv"}]), "JSON lines, or the sources"),
    (typed("Export", source=SOURCE, outputs=ONE), "are for tasks of type Export"),
    (
        typed("Export", source=SOURCE, outputs=[{"name": "a", "format": "zip"}]),
        "zip for those with sources",
    ),
    (typed("Cleanup"), "cleanup goes with type Cleanup"),
    (typed("Cleanup", cleanup={"olderThanSeconds": 60}), "greater than or equal to 3600"),
    (typed("Cleanup", cleanup={"olderThanSeconds": 3600, "prefix": "../x"}), "should match"),
    (
        spec(outputs=[{"name": f"o{i}", "format": "html", "responsive": MANY} for i in range(3)]),
        "more than 64 files",
    ),
    (
        spec(
            outputs=[
                {"name": "a", "format": "html", "responsive": SET},
                {"name": "a-320-avif", "format": "avif"},
            ]
        ),
        "begins with its name and a hyphen",
    ),
]

ACCEPTED = [
    spec(outputs=[{"name": "a", "format": "html", "responsive": SET}]),
    {"source": SOURCE, "recipe": "web"},
    typed("Inspect", source=SOURCE),
    typed("Video", source=SOURCE, outputs=POSTER),
    typed("Report", sources=SOURCES, outputs=PDF),
    typed("Export", source=SOURCE, outputs=[{"name": "a", "format": "csv"}]),
    typed("Export", sources=SOURCES, outputs=[{"name": "a", "format": "zip"}]),
    typed("Cleanup", cleanup={"olderThanSeconds": 3600, "prefix": "uploads/"}),
]


@pytest.mark.parametrize(("bad", "sentence"), REFUSED)
def test_a_bad_task_is_refused(cluster: Cluster, namespace: str, bad: Spec, sentence: str) -> None:
    done = kubectl(cluster, "create", "--dry-run=server", "-f", "-", document=task(namespace, bad))
    assert done.returncode != 0
    assert sentence in done.stderr
    with pytest.raises(ValidationError):
        TaskSpec.model_validate(bad)


@pytest.mark.parametrize("good", ACCEPTED)
def test_a_task_of_each_type_is_accepted(cluster: Cluster, namespace: str, good: Spec) -> None:
    TaskSpec.model_validate(good)
    done = kubectl(cluster, "create", "--dry-run=server", "-f", "-", document=task(namespace, good))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        ({"outputs": []}, "should have at least 1 items"),
        ({"outputs": ONE * 2}, "Duplicate value"),
        ({"outputs": POSTER}, "says by video what it is"),
        ({"outputs": PDF, "type": "Report"}, 'supported values: "Image", "Video"'),
        ({"outputs": [{"name": "a", "format": "csv"}]}, "no tables"),
        ({"outputs": [{"name": "a", "format": "png", "operations": [{}]}]}, "exactly one thing"),
        ({"outputs": ONE}, ""),
        ({"outputs": POSTER, "type": "Video", "description": "A poster."}, ""),
    ],
)
def test_a_recipe_is_refused_where_the_model_refuses_it(
    cluster: Cluster, namespace: str, recipe: Spec, sentence: str
) -> None:
    manifest = task(namespace, recipe) | {"kind": "ProcessingRecipe"}
    done = kubectl(cluster, "create", "--dry-run=server", "-f", "-", document=manifest)
    assert (done.returncode == 0) is not bool(sentence), done.stderr
    assert sentence in done.stderr
    if sentence:
        with pytest.raises(ValidationError):
            RecipeSpec.model_validate(recipe)


def test_a_good_task_is_accepted_with_its_defaults(cluster: Cluster, namespace: str) -> None:
    created = kubectl(
        cluster, "create", "-o", "json", "-f", "-", document=task(namespace, spec(), "good")
    )
    assert created.returncode == 0, created.stderr
    found = json.loads(created.stdout)["spec"]
    assert found["retries"] == 2
    assert found["outputs"][0]["autoOrient"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("retries", 5),
        ("deadlineSeconds", 7),
        ("source", {"key": "uploads/b"}),
        ("outputs", [{"name": "b", "format": "png"}]),
    ],
)
def test_what_was_asked_for_cannot_be_changed(
    cluster: Cluster, namespace: str, field: str, value: object
) -> None:
    name = f"fixed-{field.lower()}"
    kubectl(cluster, "create", "-f", "-", document=task(namespace, spec(), name))
    patch = json.dumps({"spec": {field: value}})
    options = ("-n", namespace, "--type=merge", "-p", patch)
    done = kubectl(cluster, "patch", "ptask", name, *options)
    assert done.returncode != 0
    assert f"{field} cannot be changed once the task exists; make a new task" in done.stderr


def test_how_long_a_finished_task_stays_can_be_changed(cluster: Cluster, namespace: str) -> None:
    kubectl(cluster, "create", "-f", "-", document=task(namespace, spec(), "ttl"))
    patch = json.dumps({"spec": {"ttlSecondsAfterFinished": 1}})
    done = kubectl(cluster, "patch", "ptask", "ttl", "-n", namespace, "--type=merge", "-p", patch)
    assert done.returncode == 0, done.stderr


def test_explain_describes_every_field(cluster: Cluster, namespace: str) -> None:
    assert namespace
    done = kubectl(cluster, "explain", "--recursive", "processingtask.spec.outputs")
    for field in ("name", "operations", "format", "quality", "autoOrient", "resize", "fit"):
        assert field in done.stdout
    described = kubectl(cluster, "explain", "processingtask.spec.outputs.operations.resize")
    assert "<no description>" not in described.stdout
    assert "In pixels".lower() in described.stdout.lower()
