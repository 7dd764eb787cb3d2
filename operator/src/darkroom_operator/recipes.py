"""The recipes: a change of one lets the tasks that wait for it look again."""

from darkroom_operator.cluster import Cluster
from darkroom_operator.informer import Informer
from darkroom_operator.recipe import Recipe, read_recipe, recipe_key
from darkroom_operator.store import Tasks
from darkroom_operator.workqueue import WorkQueue


class Recipes:
    """Keeps the recipes."""

    def __init__(self, cluster: Cluster, tasks: Tasks, queue: WorkQueue) -> None:
        self._tasks = tasks
        self._queue = queue
        self.informer: Informer[Recipe] = Informer(cluster, "recipes", read_recipe, self._changed)

    def _changed(self, key: str) -> None:
        for task in self._tasks.all():
            if task.spec and not task.is_finished and recipe_key(task, task.spec) == key:
                self._queue.add(task.uid)
