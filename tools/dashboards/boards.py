"""Every dashboard."""

from typing import Final

from dashboards.api import API
from dashboards.objectives import OBJECTIVES
from dashboards.operator import OPERATOR
from dashboards.overview import OVERVIEW
from dashboards.processor import PROCESSOR

BOARDS: Final = (OVERVIEW, OPERATOR, PROCESSOR, API, OBJECTIVES)
