"""The recipes: a change of one lets the tasks that asked for it look again."""

from darkroom_core.task import TaskSpec

from darkroom_operator.cluster import Cluster
from darkroom_operator.informer import Informer
from darkroom_operator.recipe import Recipe, read_recipe, recipe_key
from darkroom_operator.task import Task
from darkroom_operator.workqueue import WorkQueue


class Recipes:
    """Keeps the recipes, and who waits for one.

    Each change would otherwise have every task read that there is, to find those few.
    """

    def __init__(self, cluster: Cluster, queue: WorkQueue) -> None:
        self._queue = queue
        self._asked: dict[str, set[str]] = {}
        self.informer: Informer[Recipe] = Informer(cluster, "recipes", read_recipe, self._changed)

    def of(self, task: Task, spec: TaskSpec) -> Recipe | None:
        """Return what the task still has to be started with; None if there is none, or no need."""
        key = recipe_key(task, spec)
        if not key:
            self._started(task)
            return None
        self._asked.setdefault(key, set()).add(task.uid)
        return self.informer.one(key)

    def _started(self, task: Task) -> None:
        if task.status.recipe is None:
            return
        key = f"{task.metadata.namespace}/{task.status.recipe.name}"
        asked = self._asked.get(key, set())
        asked.discard(task.uid)
        if not asked:
            self._asked.pop(key, None)

    def _changed(self, key: str) -> None:
        for uid in self._asked.pop(key, ()):
            self._queue.add(uid)
