"""The cluster from the command line."""

import argparse
import sys
from pathlib import Path

from darkroom_cluster import containers, ensure, stop
from darkroom_cluster.cluster import ClusterError
from darkroom_cluster.context import HELP
from darkroom_cluster.node import Node


def main() -> int:
    """Do what is asked."""
    arguments = _parser().parse_args()
    try:
        return _COMMANDS[arguments.command](arguments.name, arguments.state)
    except (ClusterError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; `stop` cleans up.", file=sys.stderr)
        return 130


def _start(name: str, state: Path) -> int:
    cluster = ensure(name, state)
    print(f"The cluster {cluster.name} is ready. NodePort 30080 is at {cluster.url}.")
    print(f"export KUBECONFIG={cluster.kubeconfig} PATH={state.resolve() / 'bin'}:$PATH")
    return 0


def _stop(name: str, state: Path) -> int:
    stop(name, state)
    return 0


def _status(name: str, state: Path) -> int:
    problem = Node(name, state).problem()
    print(f"The cluster {name}: {problem or 'it is well'}.")
    return 0 if problem is None else 1


def _images(name: str, state: Path) -> int:
    process = Node(name, state).process()
    if process is None:
        raise ClusterError(f"The cluster {name} is not running.")
    print("\n".join(sorted(containers.present(process.pid))))
    return 0


_COMMANDS = {"start": _start, "stop": _stop, "status": _status, "images": _images}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m darkroom_cluster",
        description="A Kubernetes to use here. CLUSTER=node, kind or current says which; by "
        "default it is kind where Docker or Podman answers, else a node of our own.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    texts = {
        "start": "find the cluster running or start it",
        "stop": "remove the cluster without a trace",
        "status": "say whether a node of our own is well",
        "images": "list the images that a node of our own has",
    }
    for command, text in texts.items():
        sub = commands.add_parser(command, help=text, description=text.capitalize() + ".")
        sub.add_argument("--name", default="dev", help="the cluster's name (default: dev)")
        sub.add_argument(
            "--state",
            type=Path,
            default=Path(".darkroom"),
            help="the directory of what it leaves behind while it runs (default: .darkroom)",
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
