import asyncio

from darkroom_operator.workqueue import WorkQueue
from hypothesis import given
from hypothesis import strategies as st


async def test_a_key_that_waits_is_not_added_twice() -> None:
    queue = WorkQueue()
    for key in ("a", "b", "a"):
        queue.add(key)
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert len(queue) == 0


async def test_a_key_under_work_comes_again_only_when_that_work_is_done() -> None:
    queue = WorkQueue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_get_waits_for_a_key() -> None:
    queue = WorkQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    assert await asyncio.wait_for(waiting, 1) == "a"


async def test_of_several_later_times_the_first_counts() -> None:
    queue = WorkQueue()
    queue.add_after("a", 60)
    queue.add_after("a", 0.001)
    queue.add_after("a", 60)
    assert await asyncio.wait_for(queue.get(), 1) == "a"


async def test_a_forgotten_key_does_not_come_back() -> None:
    queue = WorkQueue()
    queue.add_after("a", 0)
    queue.forget("a")
    await asyncio.sleep(0.01)
    assert len(queue) == 0


async def test_failures_wait_longer_each_time_up_to_a_minute_until_one_succeeds() -> None:
    queue = WorkQueue()
    waits = [queue.add_failed("a") for _ in range(12)]
    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert waits[-1] == 60
    queue.succeeded("a")
    assert queue.add_failed("a") == 0.1
    queue.forget("a")


async def test_the_longest_work_is_measured() -> None:
    now = 100.0
    queue = WorkQueue(clock=lambda: now)
    queue.add("a")
    await queue.get()
    now = 107.0
    assert queue.longest_work() == 7
    queue.done("a")
    assert queue.longest_work() == 0


@given(st.lists(st.sampled_from(["add a", "add b", "get", "done"])))
def test_no_key_is_lost_or_worked_on_twice_at_once(steps: list[str]) -> None:
    async def play() -> None:
        queue = WorkQueue()
        working: list[str] = []
        owed: set[str] = set()
        for step in steps:
            if step.startswith("add "):
                queue.add(step[-1])
                owed.add(step[-1])
            elif step == "get" and len(queue):
                key = await queue.get()
                assert key not in working
                owed.remove(key)
                working.append(key)
            elif step == "done" and working:
                queue.done(working.pop(0))
        for key in working:
            queue.done(key)
        assert len(queue) == len(owed)

    asyncio.run(play())
