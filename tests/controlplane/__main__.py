"""The command behind `make cluster`: start, stop, run, inside, node, build."""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys
import time

from controlplane import binaries, faults, inside, local, places, source
from controlplane.agent import control, machine

USAGE = """A cluster runs. To use it:
  {inside} kubectl get nodes
  {inside} bash                       a shell in its network; KUBECONFIG is set
  kubeconfig  {folder}/kubeconfig (its addresses answer only inside)
  pods' logs  {folder}/logs/pods/NAMESPACE_POD_UID/CONTAINER/START.log
  audit log   {folder}/audit.log
Stop it with `make cluster-stop`."""


def main(arguments: list[str]) -> int:
    """Runs one command; a fault is one sentence on stderr and exit code 1."""
    if arguments[:1] == ["inside"]:
        return inside.main(arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        return int(options.act(options))
    except faults.ClusterFault as fault:
        places.say(str(fault))
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="controlplane", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, act in (("start", start), ("stop", stop), ("run", run), ("node", node), ("build", build)):
        command = commands.add_parser(name, help=act.__doc__)
        command.set_defaults(act=act)
        command.add_argument("--state", type=_folder, default=places.default_state(), help="folder of the cluster")
        if name in {"start", "run"}:
            command.add_argument("--checkout", type=_folder, default=places.REPOSITORY, help="whose code pods run")
            command.add_argument("--nodes", type=_nodes, default=local.NODES, help="KIND=COUNT,... of cpu, a10, h100")
        if name == "run":
            command.add_argument("command", nargs=argparse.REMAINDER)
        if name == "node":
            command.add_argument("name")
            command.add_argument("verb", choices=control.VERBS)
    commands.add_parser("inside", help="run a command in the cluster's network")
    return parser


def start(options: argparse.Namespace) -> int:
    """Start a cluster in the background, unless one made elsewhere is named."""
    if os.environ.get("GLIA_KUBECONFIG"):
        named = source.elsewhere(pathlib.Path(os.environ["GLIA_KUBECONFIG"]))
        print(f"GLIA_KUBECONFIG names a cluster that answers; nothing is started. kubeconfig {named.kubeconfig}")
        return 0
    if source.wants_kind():
        print(f"kind made a cluster. kubeconfig {source.make_kind(options.state)}")
        return 0
    began = time.monotonic()
    local.start(options.state, nodes=options.nodes, checkout=options.checkout)
    places.say(f"started in {time.monotonic() - began:.1f} s")
    script = pathlib.Path(inside.__file__)
    state = "" if options.state == places.default_state() else f" --state {options.state}"
    print(USAGE.format(inside=f"{sys.executable} {script}{state}", folder=options.state))
    return 0


def stop(options: argparse.Namespace) -> int:
    """Stop the cluster; its logs stay."""
    if source.wants_kind():
        source.delete_kind(options.state)
        return 0
    places.say("stopped" if local.stop(options.state) else f"no cluster runs in {options.state}")
    return 0


def run(options: argparse.Namespace) -> int:
    """Run a command in a cluster that lives as long as it."""
    alive = local.running(options.state, nodes=options.nodes, checkout=options.checkout)
    with alive, source.entered(options.state):
        environment = os.environ | local.environment(options.state)
        return subprocess.run(options.command, env=environment, check=False).returncode


def node(options: argparse.Namespace) -> int:
    """Take a node down, cut it off, or bring it back."""
    control.ask(str(options.state / "agent.sock"), {"node": options.name, "do": options.verb})
    return 0


def build(_options: argparse.Namespace) -> int:
    """Build or find the programs, and say what each build took."""
    for name, path in binaries.resolve().items():
        print(f"{name:26} {path}")
    for name, cost in binaries.costs().items():
        figures = f"{cost['wall_s']:.0f} s, peak {cost['peak_bytes'] / 1e9:.2f} GB, {cost['binary_bytes'] / 1e6:.0f} MB"
        print(f"{name:26} built in {figures}")
    return 0


def _folder(text: str) -> pathlib.Path:
    return pathlib.Path(text).resolve()


def _nodes(text: str) -> dict[str, int]:
    pairs = [part.partition("=") for part in text.split(",")]
    strange = [kind for kind, _, count in pairs if kind not in machine.MACHINES or not count.isdigit()]
    if strange:
        raise argparse.ArgumentTypeError(f"{strange[0]!r} in {text!r}: KIND=COUNT of {', '.join(machine.MACHINES)}")
    return {kind: int(count) for kind, _, count in pairs}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
