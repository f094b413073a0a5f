"""`python -m glia_sim oracle DIR`: replay vLLM's ground truth; exit status 1 on any mismatch, 2 on unusable input."""

from __future__ import annotations

import pathlib
import sys

from glia_sim import faults, oracle

USAGE = "usage: python -m glia_sim oracle DIR"


def main(arguments: list[str]) -> int:
    """Print one line per configuration; returns the exit status."""
    if len(arguments) != 2 or arguments[0] != "oracle":  # noqa: PLR2004 - the verb and its folder
        sys.stderr.write(USAGE + "\n")
        return 2
    exact = total = 0
    try:
        for result in oracle.check(pathlib.Path(arguments[1])):
            verdict = result.mismatch or "exact"
            sys.stdout.write(f"{result.name}: {result.steps} steps, {result.requests} requests: {verdict}\n")
            sys.stdout.flush()
            exact += not result.mismatch
            total += 1
    except faults.InputFault as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    sys.stdout.write(f"{exact} of {total} exact\n")
    return 0 if exact == total else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
