"""What there is beside a task: read from what the informers and the mirror remember."""

from dataclasses import dataclass

from darkroom_operator.children import Job, Pod
from darkroom_operator.complaints import Complaints
from darkroom_operator.decide import Observed
from darkroom_operator.informer import Informer
from darkroom_operator.mirror import Mirror
from darkroom_operator.pool import Pool, implied_pool, pool_key
from darkroom_operator.recipe import Recipe
from darkroom_operator.recipes import Recipes
from darkroom_operator.task import Task


@dataclass(frozen=True, slots=True)
class Observer:
    """What is remembered of the cluster and of the history."""

    jobs: Informer[Job]
    pods: Informer[Pod]
    pools: Informer[Pool]
    recipes: Recipes
    mirror: Mirror
    complaints: Complaints

    @property
    def informers(self) -> tuple[Informer[Job], Informer[Pod], Informer[Pool], Informer[Recipe]]:
        """All that have to know everything before anything is decided."""
        return self.jobs, self.pods, self.pools, self.recipes.informer

    def observe(self, task: Task) -> Observed:
        """Gather what is known of the task's children, its pool, its recipe and its record."""
        jobs = self.jobs.of(task.uid)
        said = (self.complaints.about(task.metadata.namespace, job.uid) for job in jobs)
        pool, problem, recipe = None, "", None
        if task.spec is not None:
            found = self.pools.one(pool_key(task, task.spec))
            pool = found.spec if found else implied_pool(task.spec.pool)
            problem = found.problem if found else ""
            recipe = self.recipes.of(task, task.spec)
        return Observed(
            jobs=jobs,
            pods=self.pods.of(task.uid),
            pool=pool,
            pool_problem=problem,
            recipe=recipe,
            complaint=next(filter(None, said), ""),
            is_recorded=self.mirror.is_recorded(task.uid),
        )
