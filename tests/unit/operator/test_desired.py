import json
from pathlib import Path
from typing import Any

import pytest
from darkroom_core.assignment import Assignment
from darkroom_core.names import USER_LABEL, job_name
from darkroom_core.pool import PoolTemplate
from darkroom_core.storage.local import LocalStorage
from darkroom_core.storage.signing import signed_url
from darkroom_core.task import TaskSpec
from darkroom_operator.decide import Start
from darkroom_operator.desired.assignment import Terms, assignment_for
from darkroom_operator.desired.job import Processor, job_for
from darkroom_operator.errors import StalledError
from darkroom_operator.task import Task, read
from darkroom_operator.testing import at, raw_task

KEY = b"a key for tests"
TERMS = Terms(
    signer=LocalStorage(Path("/nowhere"), base_url="http://api", signing_key=KEY),
    api_url="http://api",
    signing_key=KEY,
    allowed_networks=["10.1.0.0/16"],
)
# The deadline of 600 seconds and an hour more.
NOW, LATER = at("00:00:00"), at("01:10:00")


def task_with(**spec: Any) -> tuple[Task, TaskSpec]:
    task = read(raw_task(**spec))
    assert task.spec
    return task, task.spec


def assignment_with(**spec: Any) -> Assignment:
    task, read_spec = task_with(**spec)
    return Assignment.model_validate_json(assignment_for(task, read_spec, TERMS, NOW))


def url(method: str, path: str) -> str:
    return signed_url("http://api", method, path, expires=LATER, key=KEY)


class TestAssignment:
    def test_a_key_is_reached_by_a_signed_get(self) -> None:
        (source,) = assignment_with().sources
        assert source.request.url == url("GET", "/v1/objects/uploads/a")
        assert not source.guarded

    def test_a_url_is_guarded_and_told_which_networks_are_allowed(self) -> None:
        (source,) = assignment_with(source={"url": "https://example.com/a.jpg"}).sources
        assert source.request.url == "https://example.com/a.jpg"
        assert (source.guarded, source.allowed_networks) == (True, ["10.1.0.0/16"])

    def test_each_output_goes_under_the_tasks_uid(self) -> None:
        (output,) = assignment_with().outputs
        (file,) = output.files
        assert file.request.url == url("PUT", "/v1/objects/outputs/uid-a/thumb.webp")
        assert file.request.headers == {"Content-Type": "image/webp"}

    def test_a_set_has_a_place_for_each_file_and_the_facts_have_one(self) -> None:
        sets = {"widths": [320, 640], "formats": ["avif", "jpeg"]}
        assigned = assignment_with(outputs=[{"name": "a", "format": "html", "responsive": sets}])
        (output,) = assigned.outputs
        assert [file.name for file in output.files] == [
            "a",
            *("a-320-avif", "a-640-avif", "a-320-jpeg", "a-640-jpeg"),
        ]
        assert output.files[-1].request.url == url(
            "PUT", "/v1/objects/outputs/uid-a/a-640-jpeg.jpg"
        )
        assert assigned.facts
        assert assigned.facts.url == url("PUT", "/v1/objects/outputs/uid-a/_facts.json")

    def test_the_sources_of_a_report_come_with_their_captions_and_overlays_by_their_key(
        self,
    ) -> None:
        overlay = {"overlay": {"source": {"key": "logos/a.png"}}}
        assigned = assignment_with(
            type="Report",
            source=None,
            sources=[{"key": "uploads/a", "caption": "A"}, {"url": "https://example.com/b"}],
            outputs=[{"name": "a", "format": "pdf", "operations": [overlay]}],
        )
        assert [source.name for source in assigned.sources] == ["A", ""]
        assert [source.guarded for source in assigned.sources] == [False, True]
        (logo,) = assigned.overlays
        assert (logo.name, logo.request.url) == (
            "logos/a.png",
            url("GET", "/v1/objects/logos/a.png"),
        )

    @pytest.mark.parametrize(
        ("labels", "whose"),
        [
            ({}, "namespaces/media"),
            ({USER_LABEL: "team-a"}, "namespaces/media"),
            (
                {USER_LABEL: "0199aaaa-0000-7000-8000-000000000001"},
                "users/0199aaaa-0000-7000-8000-000000000001",
            ),
        ],
    )
    def test_a_cleanup_reaches_what_is_its_owners_or_its_namespaces(
        self, labels: dict[str, str], whose: str
    ) -> None:
        cleanup = {"olderThanSeconds": 3600, "prefix": "uploads/"}
        raw = raw_task(type="Cleanup", source=None, outputs=[], cleanup=cleanup)
        raw["metadata"]["labels"] = labels
        task = read(raw)
        assert task.spec
        text = assignment_for(task, task.spec, TERMS, NOW)
        request = Assignment.model_validate_json(text).cleanup
        assert request
        assert request.url == url("POST", f"/v1/maintenance/cleanup/{whose}/3600/uploads/")

    def test_progress_is_posted_by_uid(self) -> None:
        progress = assignment_with().progress
        assert progress
        assert progress.url == url("POST", "/v1/progress/uid-a")

    def test_a_recipe_that_fits_no_environment_variable_stalls(self) -> None:
        sizes = [{"resize": {"width": 16384, "height": 16384, "fit": "contain"}}] * 16
        outputs = [{"name": f"{n:063}", "format": "webp", "operations": sizes} for n in range(64)]
        with pytest.raises(StalledError, match="Split its outputs into several tasks"):
            assignment_with(outputs=outputs)


PROCESSOR = Processor("processor:1")


class TestJob:
    def manifest(
        self,
        template: dict[str, Any] | None = None,
        processor: Processor = PROCESSOR,
        **spec: Any,
    ) -> dict[str, Any]:
        task, read_spec = task_with(**spec)
        start = Start(2, PoolTemplate.model_validate(template or {}), seconds=7)
        return job_for(task, read_spec, start, processor, "the assignment")

    def pod(self, template: dict[str, Any], processor: Processor = PROCESSOR) -> dict[str, Any]:
        spec: dict[str, Any] = self.manifest(template, processor)["spec"]["template"]["spec"]
        return spec

    def test_the_operators_settings_hold_where_the_pool_says_nothing(self) -> None:
        processor = Processor("processor:1", pull_secrets=("mirror",), has_fixed_user=False)
        pod = self.pod({}, processor)
        assert pod["imagePullSecrets"] == [{"name": "mirror"}]
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        of_pool = self.pod({"imagePullSecrets": ["registry"]}, processor)
        assert of_pool["imagePullSecrets"] == [{"name": "registry"}]

    def test_a_pool_says_what_its_pods_look_like(self) -> None:
        pod = self.pod(
            {
                "image": "gpu:1",
                "imagePullPolicy": "Always",
                "imagePullSecrets": ["registry"],
                "resources": {"limits": {"nvidia.com/gpu": "1"}},
                "nodeSelector": {"gpu": "yes"},
                "tolerations": [{"key": "gpu", "operator": "Exists"}],
                "runtimeClassName": "gvisor",
                "priorityClassName": "batch",
            }
        )
        container = pod["containers"][0]
        assert (container["image"], container["imagePullPolicy"]) == ("gpu:1", "Always")
        assert container["resources"] == {"requests": {}, "limits": {"nvidia.com/gpu": "1"}}
        assert pod["imagePullSecrets"] == [{"name": "registry"}]
        assert pod["nodeSelector"] == {"gpu": "yes"}
        assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
        assert (pod["runtimeClassName"], pod["priorityClassName"]) == ("gvisor", "batch")
        # What a pool cannot change is how well its pods are locked up.
        assert pod["securityContext"] == self.pod({})["securityContext"]
        assert not pod["automountServiceAccountToken"]

    def test_a_job_for_kueue_is_made_suspended_with_its_label(self) -> None:
        manifest = self.manifest(queueName="batch")
        assert manifest["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "batch"
        assert manifest["spec"]["suspend"] is True
        assert "suspend" not in self.manifest()["spec"]

    def test_the_job_of_a_try(self) -> None:
        labels = {
            "app.kubernetes.io/name": "darkroom",
            "app.kubernetes.io/component": "processor",
            "app.kubernetes.io/managed-by": "darkroom-operator",
            "darkroom.dev/task": "a",
            "darkroom.dev/task-uid": "uid-a",
            "darkroom.dev/try": "2",
            "darkroom.dev/pool": "default",
        }
        assert self.manifest(retries=4) == {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": job_name("a", "uid-a", 2),
                "namespace": "media",
                "labels": labels,
                "ownerReferences": [
                    {
                        "apiVersion": "darkroom.dev/v1alpha1",
                        "kind": "ProcessingTask",
                        "name": "a",
                        "uid": "uid-a",
                        "controller": True,
                        "blockOwnerDeletion": True,
                    }
                ],
            },
            "spec": {
                "completions": 1,
                "parallelism": 1,
                "backoffLimit": 0,
                "activeDeadlineSeconds": 7,
                "podFailurePolicy": {
                    "rules": [
                        {
                            "action": "FailJob",
                            "onExitCodes": {
                                "containerName": "processor",
                                "operator": "In",
                                "values": [65],
                            },
                        },
                        {
                            "action": "Ignore",
                            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                        },
                    ]
                },
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "restartPolicy": "Never",
                        "terminationGracePeriodSeconds": 1,
                        "automountServiceAccountToken": False,
                        "enableServiceLinks": False,
                        "securityContext": {
                            "runAsNonRoot": True,
                            "runAsUser": 65532,
                            "runAsGroup": 65532,
                            "seccompProfile": {"type": "RuntimeDefault"},
                        },
                        "containers": [
                            {
                                "name": "processor",
                                "image": "processor:1",
                                "imagePullPolicy": "IfNotPresent",
                                "env": [{"name": "DARKROOM_ASSIGNMENT", "value": "the assignment"}],
                                "resources": {
                                    "requests": {"cpu": "100m", "memory": "128Mi"},
                                    "limits": {"memory": "1Gi"},
                                },
                                "securityContext": {
                                    "allowPrivilegeEscalation": False,
                                    "readOnlyRootFilesystem": True,
                                    "capabilities": {"drop": ["ALL"]},
                                },
                                "terminationMessagePolicy": "File",
                                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                            }
                        ],
                        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
                    },
                },
            },
        }

    def test_the_manifest_is_json(self) -> None:
        assert json.loads(json.dumps(self.manifest())) == self.manifest()
