"""What processors log, for those whose tasks they are."""

import uuid

import psycopg
from darkroom_api.testing import FakeCluster, User
from psycopg.types.json import Jsonb


async def test_logs_come_from_the_pod_and_then_from_the_report(
    ada: User, bob: User, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    task = (await ada.upload()).json()
    url = f"/v1/tasks/{task['id']}/logs"
    before = await ada.get(url)
    assert (before.status_code, before.text) == (200, "")
    error = {"code": "corrupt_image", "message": "It ends too early.", "retryable": False}
    tries = [{"number": 1, "pod": "a-pod", "job": "a", "finishedAt": "2026-11-23T04:00:00Z"}]
    told = [{**tries[0], "exitCode": 3, "error": error}]
    db.execute("UPDATE tasks SET tries = %s WHERE id = %s", [Jsonb(told), task["id"]])
    cluster.logs["a-pod"] = b"one\ntwo\nthree\n"
    live = await ada.get(f"{url}?tail=2")
    assert (live.text, live.headers["darkroom-log-source"]) == ("two\nthree\n", "pod")
    del cluster.logs["a-pod"]
    kept = await ada.get(url)
    assert kept.headers["darkroom-log-source"] == "report"
    assert kept.text == "2026-11-23T04:00:00Z try 1 corrupt_image: It ends too early.\n"
    assert (await bob.get(url)).status_code == 404
    assert (await ada.get(f"{url}?tail=0")).status_code == 422
    assert (await ada.get(f"/v1/tasks/{uuid.uuid4()}/logs")).status_code == 404
    cluster.is_away = True
    assert (await ada.get(url)).status_code == 503
    cluster.is_away = False
