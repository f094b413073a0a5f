"""`glia`: commands and their options.

This module imports nothing heavy, so that help and usage errors answer at once; a command's own module is loaded when
the command runs.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Annotated, Any, Optional

import typer

from glia_operator.cli import cut as cuts
from glia_operator.cli import kubectl
from glia_sim import faults

Fleet = Annotated[str, typer.Option("--fleet", metavar="NAME|FILE", help="Built-in fleet (see `glia fleets`) or YAML.")]
Trace = Annotated[str, typer.Option("--trace", metavar="FILE|synthetic:NAME", help="Requests; docs/traces.md.")]
TimeScale = Annotated[float, typer.Option("--time-scale", help="Multiply arrival times by this: 2 halves the load.")]
Start = Annotated[float, typer.Option("--start", help="Begin so many seconds into the trace.")]
Limit = Annotated[Optional[int], typer.Option("--limit", help="Keep at most so many requests.")]  # noqa: UP045 - typer
Executor = Annotated[
    str,
    typer.Option("--executor", metavar="local|tcp://HOST:PORT", envvar="GLIA_EXECUTOR", help="docs/scale-out.md."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]

SIGNALLED = 128
"""An end by signal n is exit status 128 + n, as shells and container runtimes report it."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Designs and examines policies for fleets of vLLM servers. docs/cli.md documents every command.",
)


def run() -> None:
    """Entry point of the `glia` script.

    The first process of a container gets no signal that it does not handle: without this a pod that is told to end
    while it begins would go on until its grace period is over.
    """
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(SIGNALLED + number))
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Run one command; the exit status is 0, 2 for bad input, or 130 after Ctrl-C."""
    return kubectl.main(arguments, app=app, program="glia")


def _work(command: str) -> Any:  # noqa: ANN401 - modules have no types of their own
    """The module that does a command's work."""
    return importlib.import_module(f"glia_operator.cli.{command}")


@app.command()
def simulate(
    fleet: Fleet,
    trace: Trace,
    policy: Annotated[str, typer.Option("--policy", metavar="NAME|FILE", help="Policy of the catalogue, or YAML.")],
    *,
    time_scale: TimeScale = 1.0,
    start: Start = 0.0,
    limit: Limit = None,
    requests_out: Annotated[
        Optional[str],  # noqa: UP045 - typer
        typer.Option("--requests-out", metavar="CSV", help="Write what happened to every request."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve a trace on a fleet under one policy and print its marks."""
    cut = cuts.Cut(fleet=fleet, trace=trace, time_scale=time_scale, start=start, limit=limit)
    _work("simulate").run(cut, policy, requests_out=requests_out, as_json=as_json)


@app.command()
def compare(
    fleet: Fleet,
    trace: Trace,
    policies: Annotated[
        str, typer.Option("--policies", metavar="A,B,...", help="Names or files, with commas between.")
    ],
    *,
    time_scale: TimeScale = 1.0,
    start: Start = 0.0,
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Serve the same trace under several policies and print their marks side by side."""
    cut = cuts.Cut(fleet=fleet, trace=trace, time_scale=time_scale, start=start, limit=limit)
    _work("compare").run(cut, policies, as_json=as_json)


@app.command()
def optimize(
    fleet: Annotated[str, typer.Option("--fleet", metavar="NAME|FILE", help="Built-in fleet or YAML.")] = "",
    trace: Annotated[str, typer.Option("--trace", metavar="FILE|synthetic:NAME", help="Requests.")] = "",
    *,
    file: Annotated[
        str, typer.Option("-f", "--file", metavar="YAML", help="A GliaOptimization with an offline section.")
    ] = "",
    time_scale: TimeScale = 1.0,
    start: Start = 0.0,
    limit: Limit = None,
    baseline: Annotated[str, typer.Option("--baseline", help="The policy in use.")] = "llq",
    objective: Annotated[str, typer.Option("--objective", help="What to improve; docs/scoring.md.")] = "mean-latency",
    constraint: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer
        typer.Option("--constraint", help="Such as 'p90 ttft < 1.5s'; may be repeated."),
    ] = None,
    budget: Annotated[str, typer.Option("--budget", help="Experiments, such as 20, or a time, such as 3m.")] = "20",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed draws other arrivals.")] = 0,
    strategy: Annotated[
        str, typer.Option("--strategy", help="How the study goes about it; docs/research.md.")
    ] = "glia",
    brain: Annotated[str, typer.Option("--brain", metavar="playbook|openai", help="Who thinks; docs/models.md.")] = (
        "playbook"
    ),
    hint: Annotated[str, typer.Option("--hint", help="What you know about the workload, in words.")] = "",
    workers: Annotated[
        Optional[int],  # noqa: UP045 - typer
        typer.Option("--workers", min=1, help="Local processes; the answer does not depend on it."),
    ] = None,
    executor: Executor = "local",
    out: Annotated[
        Optional[str],  # noqa: UP045 - typer
        typer.Option("--out", metavar="DIR", help="Where policy, report and notebook are written."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Research a better policy, examine it on held-out arrivals, and report."""
    if bool(file) == bool(fleet or trace) or bool(fleet) != bool(trace):
        raise faults.InputFault("give --fleet and --trace, or -f with a GliaOptimization")
    work = _work("optimize")
    if file:
        wish = work.from_file(file)
    else:
        cut = cuts.Cut(fleet=fleet, trace=trace, time_scale=time_scale, start=start, limit=limit)
        wish = work.from_options(
            cut,
            baseline=baseline,
            objective=objective,
            constraints=tuple(constraint or ()),
            budget=budget,
            seed=seed,
            strategy=strategy,
            brain=brain,
            hint=hint,
        )
    work.run(wish, out=out, executor=work.executors.Settings(where=executor, processes=workers), as_json=as_json)


@app.command()
def emulate(
    config: Annotated[Optional[str], typer.Option("--config", metavar="YAML", help="docs/emulator.md.")] = None,  # noqa: UP045
    *,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "0.0.0.0",  # noqa: S104 - as vLLM's
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port, the first of several.")] = 8000,
    replicas: Annotated[int, typer.Option("--replicas", min=1, max=256, help="Servers on consecutive ports.")] = 1,
    addresses: Annotated[
        str, typer.Option("--addresses", metavar="HOST[:PORT],...", help="A server on each address instead.")
    ] = "",
    served_model_name: Annotated[Optional[str], typer.Option("--served-model-name", help="As vLLM's.")] = None,  # noqa: UP045
    max_num_seqs: Annotated[Optional[int], typer.Option("--max-num-seqs", min=1, help="As vLLM's.")] = None,  # noqa: UP045
    max_model_len: Annotated[Optional[int], typer.Option("--max-model-len", min=1, help="As vLLM's.")] = None,  # noqa: UP045
    num_gpu_blocks_override: Annotated[
        Optional[int],  # noqa: UP045 - typer
        typer.Option("--num-gpu-blocks-override", min=2, help="As vLLM's."),
    ] = None,
    scheduling_policy: Annotated[
        Optional[str],  # noqa: UP045 - typer
        typer.Option("--scheduling-policy", metavar="fcfs|priority", help="As vLLM's."),
    ] = None,
    max_num_queued_reqs: Annotated[
        Optional[int],  # noqa: UP045 - typer
        typer.Option("--max-num-queued-reqs", min=1, help="As vLLM's."),
    ] = None,
    faults_endpoint: Annotated[
        bool, typer.Option("--faults-endpoint", help="Let /emulator/faults break the server.")
    ] = False,
) -> None:
    """Serve as vLLM would, with the twin's engine in place of a GPU."""
    work = _work("emulate")
    flags = work.settled.Flags(
        served_model_name=served_model_name,
        max_num_seqs=max_num_seqs,
        max_model_len=max_model_len,
        num_gpu_blocks_override=num_gpu_blocks_override,
        scheduling_policy=scheduling_policy,
        max_num_queued_reqs=max_num_queued_reqs,
        fault_endpoint=faults_endpoint,
    )
    work.run(config, flags, host=host, port=port, replicas=replicas, addresses=addresses)


@app.command()
def load(
    trace: Trace,
    targets: Annotated[str, typer.Option("--targets", metavar="URL,...", help="Servers, or one router before them.")],
    *,
    time_scale: TimeScale = 1.0,
    start: Start = 0.0,
    limit: Limit = None,
    router: Annotated[str, typer.Option("--router", metavar="rr|random|least", help="Choice among targets.")] = "rr",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of --router random.")] = 0,
    prompt: Annotated[str, typer.Option("--prompt", metavar="ids|text", help="Token ids, or words.")] = "ids",
    model: Annotated[Optional[str], typer.Option("--model", help="Name to ask for.")] = None,  # noqa: UP045 - typer
    stream: Annotated[bool, typer.Option("--stream/--no-stream", help="Whether answers come token by token.")] = True,
    timeout: Annotated[
        Optional[float],  # noqa: UP045 - typer
        typer.Option("--timeout", metavar="SECONDS", min=0.001, help="A client gives up after so long."),
    ] = None,
    out: Annotated[
        Optional[str],  # noqa: UP045 - typer
        typer.Option("--out", metavar="CSV", help="Write what happened to every request."),
    ] = None,
    tokens_out: Annotated[
        Optional[str],  # noqa: UP045 - typer
        typer.Option("--tokens-out", metavar="CSV", help="Write when every token came."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a trace's requests to servers when they are due, and record what clients see."""
    work = _work("load")
    wish = work.Wish(
        trace=trace,
        time_scale=time_scale,
        start=start,
        limit=limit,
        targets=targets,
        router=router,
        seed=seed,
        prompt=prompt,
        model=model,
        stream=stream,
        timeout_s=timeout,
        out=out,
        tokens_out=tokens_out,
    )
    work.run(wish, as_json=as_json)


@app.command()
def policies() -> None:
    """List the policies of the catalogue."""
    _work("listings").policies()


@app.command()
def fleets() -> None:
    """List the built-in fleets."""
    _work("listings").fleets()


@app.command()
def operate(
    *,
    namespace: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer
        typer.Option("--namespace", help="Serve this namespace; may be repeated. Without it all are served."),
    ] = None,
    lease_namespace: Annotated[
        str, typer.Option("--lease-namespace", envvar="POD_NAMESPACE", help="Where the Lease is that elects a leader.")
    ] = "glia-system",
    lease_name: Annotated[str, typer.Option("--lease-name", help="Name of that Lease.")] = "glia-operator",
    identity: Annotated[
        str, typer.Option("--identity", envvar="POD_NAME", help="Name of this process in the Lease; made unique.")
    ] = "",
    health_port: Annotated[int, typer.Option("--health-port", min=1, max=65535, help="/healthz and /readyz.")] = 8080,
    metrics_port: Annotated[int, typer.Option("--metrics-port", min=1, max=65535, help="/metrics.")] = 9090,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Studies at a time.")] = 1,
    lease_duration: Annotated[
        float, typer.Option("--lease-duration", min=3, max=600, help="Seconds after which a silent leader is followed.")
    ] = 15.0,
    executor: Executor = "local",
) -> None:
    """Run the operator in a cluster, or from outside with KUBECONFIG."""
    _work("operate").run(
        namespaces=tuple(namespace or ()),
        lease_namespace=lease_namespace,
        lease_name=lease_name,
        identity=identity,
        health_port=health_port,
        metrics_port=metrics_port,
        workers=workers,
        lease_duration_s=lease_duration,
        executor=executor,
    )


@app.command()
def crds(
    *,
    out: Annotated[
        Optional[str],  # noqa: UP045 - typer
        typer.Option("--out", metavar="DIR", help="Write a file per kind there; else all go to standard output."),
    ] = None,
    reference: Annotated[bool, typer.Option("--reference", help="Print the reference page instead.")] = False,
) -> None:
    """Render the CustomResourceDefinitions."""
    _work("crds").run(out, as_reference=reference)


app.add_typer(kubectl.app)
