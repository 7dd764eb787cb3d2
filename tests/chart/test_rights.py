"""Every account to which the chart gives a right is one whose calls a node records."""

import subprocess
from pathlib import Path

import pytest
import yaml
from darkroom_cluster import audit
from darkroom_cluster.binary import helm_path

CHART = Path(__file__).parents[2] / "charts/darkroom"


@pytest.mark.parametrize("everywhere", ["false", "true"])
def test_the_calls_of_every_account_with_a_right_are_recorded(everywhere: str) -> None:
    command = [str(helm_path()), "template", "darkroom", str(CHART), "-n", audit.NAMESPACE]
    command += ["--set", f"operator.allNamespaces={everywhere}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    given = audit.granted([document for document in yaml.safe_load_all(text) if document])

    recorded = {audit.user(audit.NAMESPACE, account) for account in audit.ACCOUNTS}
    assert given
    assert given.keys() <= recorded
