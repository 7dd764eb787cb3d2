"""What there is beside a task: read from what the informers and the mirror remember."""

from darkroom_core import names

from darkroom_operator.children import Job, Pod
from darkroom_operator.decide import Observed
from darkroom_operator.informer import Informer
from darkroom_operator.mirror import Mirror
from darkroom_operator.task import Task


def observe(task: Task, jobs: Informer[Job], pods: Informer[Pod], mirror: Mirror) -> Observed:
    """Gather what is known of the task's children and of its record."""
    name = names.job_name(task.metadata.name, task.uid)
    return Observed(
        job=next((job for job in jobs.of(task.uid) if job.name == name), None),
        pods=pods.of(task.uid),
        is_recorded=mirror.is_recorded(task.uid),
    )
