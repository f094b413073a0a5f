"""The commands that speak with a cluster: `kubectl glia COMMAND`, and the same as `glia COMMAND`.

This module imports nothing heavy; the work is in `cli.cluster`.
"""

from __future__ import annotations

import enum
import importlib
import sys
from dataclasses import dataclass
from typing import Annotated, Any, Optional

import typer

from glia_sim import faults

BAD_INPUT = 2
INTERRUPTED = 130


class Output(enum.Enum):
    """How an answer is printed."""

    TEXT = "text"
    JSON = "json"


Name = Annotated[str, typer.Argument(metavar="NAME", help="A GliaOptimization, or one of its GliaPolicies.")]
Namespace = Annotated[str, typer.Option("-n", "--namespace", help="Default: the context's namespace.")]
Context = Annotated[str, typer.Option("--context", help="Context of the kubeconfig. Default: the current one.")]
Kubeconfig = Annotated[str, typer.Option("--kubeconfig", metavar="FILE", help="Default: KUBECONFIG, ~/.kube/config.")]
Format = Annotated[Output, typer.Option("-o", "--output", help="json prints one JSON value and nothing else.")]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="What a cluster holds about your optimisations, and your decisions. docs/kubectl-glia.md documents it.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """The work module and the cluster that the options name."""

    work: Any
    cluster: Any


def run() -> None:
    """Entry point of the `kubectl-glia` script."""
    sys.exit(main(sys.argv[1:], app=app, program="kubectl glia"))


def main(arguments: list[str], *, app: typer.Typer, program: str) -> int:
    """Run one command; the exit status is 0, 2 for bad input or a refusal, or 130 after Ctrl-C."""
    try:
        typer.main.get_command(app).main(args=arguments, prog_name=program)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except faults.Fault as fault:
        sys.stderr.write(f"glia: {fault}\n")
        return BAD_INPUT
    return 0


def _session(namespace: str, context: str, kubeconfig: str) -> _Session:
    work = importlib.import_module("glia_operator.cli.cluster")
    return _Session(work=work, cluster=work.connect(namespace, context, kubeconfig))


@app.command()
def status(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="A GliaOptimization; none = all of them.")] = "",
    *,
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    output: Format = Output.TEXT,
) -> None:
    """Say where optimisations stand."""
    on = _session(namespace, context, kubeconfig)
    on.work.show_status(on.cluster, name, as_json=output is Output.JSON)


@app.command()
def explain(
    name: Name,
    *,
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    output: Format = Output.TEXT,
) -> None:
    """Say why this policy, with its numbers: what it does, how it was found, what was tried and not kept."""
    on = _session(namespace, context, kubeconfig)
    on.work.show_explanation(on.cluster, name, as_json=output is Output.JSON)


@app.command()
def history(
    name: Name,
    *,
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    output: Format = Output.TEXT,
) -> None:
    """List every policy of an optimisation, with the decision on it."""
    on = _session(namespace, context, kubeconfig)
    on.work.show_history(on.cluster, name, as_json=output is Output.JSON)


@app.command()
def diff(
    name: Name,
    revisions: Annotated[
        Optional[list[int]],  # noqa: UP045 - typer
        typer.Argument(metavar="[REV [REV]]", help="None = the newest against what it would replace."),
    ] = None,
    *,
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    output: Format = Output.TEXT,
) -> None:
    """Say what differs between two policies, in words and as a text diff."""
    on = _session(namespace, context, kubeconfig)
    on.work.show_difference(on.cluster, name, revisions or [], as_json=output is Output.JSON)


@app.command()
def approve(
    name: Name,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with the policy.")] = "",
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
) -> None:
    """Approve a policy in your own name."""
    on = _session(namespace, context, kubeconfig)
    on.work.decide(on.cluster, name, "Approved", reason)


@app.command()
def reject(
    name: Name,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with the policy.")],
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
) -> None:
    """Reject a policy in your own name."""
    on = _session(namespace, context, kubeconfig)
    on.work.decide(on.cluster, name, "Rejected", reason)


@app.command()
def pause(name: Name, *, namespace: Namespace = "", context: Context = "", kubeconfig: Kubeconfig = "") -> None:
    """Hold an optimisation: a running study stops after its experiment."""
    on = _session(namespace, context, kubeconfig)
    on.work.pause(on.cluster, name, paused=True)


@app.command()
def resume(name: Name, *, namespace: Namespace = "", context: Context = "", kubeconfig: Kubeconfig = "") -> None:
    """Let a paused optimisation go on."""
    on = _session(namespace, context, kubeconfig)
    on.work.pause(on.cluster, name, paused=False)


@app.command()
def hint(
    name: Name,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What you know about the workload.")],
    *,
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
) -> None:
    """Add a line to what the researcher is told."""
    on = _session(namespace, context, kubeconfig)
    on.work.hint(on.cluster, name, text)


@app.command()
def report(
    name: Name,
    *,
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="Default: POLICY.html.")] = "",
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
) -> None:
    """Write one HTML page about a policy, from what the cluster holds."""
    on = _session(namespace, context, kubeconfig)
    on.work.write_report(on.cluster, name, out)
