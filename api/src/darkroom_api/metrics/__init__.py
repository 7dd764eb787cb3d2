"""What Prometheus is told: a module for each family, all in one registry of the application.

No label names a task or a user. What Postgres or a volume has to be asked for is asked in the
background, so a scrape waits for neither and asks nothing, however many scrape.
"""

from darkroom_api.metrics.application import Metrics

__all__ = ["Metrics"]
