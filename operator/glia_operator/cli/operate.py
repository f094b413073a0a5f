"""`glia operate`: run the operator."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import uuid

from glia_operator.adapters import executors, logs
from glia_operator.handlers import operate
from glia_sim import faults

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def run(
    *,
    namespaces: tuple[str, ...],
    lease_namespace: str,
    lease_name: str,
    identity: str,
    health_port: int,
    metrics_port: int,
    workers: int,
    lease_duration_s: float,
    executor: str,
) -> None:
    """Run until SIGTERM, which gives the exit status 0, or until leading is over, which gives 1.

    Raises:
        InputFault: the log level or the executor is unknown, a port is taken, or there are no credentials.
        SystemExit: with the status.
    """
    level = os.environ.get("GLIA_LOG_LEVEL", "INFO").upper()
    if level not in LEVELS:
        raise faults.InputFault(f"GLIA_LOG_LEVEL={level}: must be one of {', '.join(LEVELS)}")
    logs.begin(level)
    settings = operate.Settings(
        namespaces=namespaces,
        lease_namespace=lease_namespace,
        lease_name=lease_name,
        identity=f"{identity or socket.gethostname()}_{uuid.uuid4().hex[:12]}",
        health_port=health_port,
        metrics_port=metrics_port,
        workers=workers,
        lease_duration_s=lease_duration_s,
        executor=executors.where(executor),
    )
    status = asyncio.run(operate.Operator(settings).run())
    sys.stderr.flush()
    os._exit(status)  # what is left are Kopf's threads, which have nothing to say any more
