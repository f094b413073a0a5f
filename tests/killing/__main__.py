"""`python -m killing [--kills 20] [--seed 0] [--budget 3]`: kill real studies at random instants, and report.

A study is asked, killed with all its processes at an instant drawn from the time that it takes undisturbed, and asked
again, until it came to its end; then another begins in a folder of its own, until so many kills have struck.
"""

from __future__ import annotations

import argparse
import pathlib
import random
import sys
import tempfile

from glia_sim.policy import document
from killing import kills

SCENE = ["--fleet", "paper-a10x4", "--trace", "synthetic:paper?requests=100&rate=9&seed=4"]
BASELINE = "llq"


def main():
    """The exit status is 1 where any killed study gave another result, or repeated what was finished."""
    parser = argparse.ArgumentParser(prog="python -m killing")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    options = ["--budget", str(asked.budget), "--workers", str(asked.workers), "--baseline", BASELINE]
    with tempfile.TemporaryDirectory() as folder:
        return report(["optimize", *SCENE, *options], pathlib.Path(folder), asked.kills, random.Random(asked.seed))


def report(command, folder, wanted, chance):
    """Kill so often, and print a line for each study."""
    baseline = document.load(BASELINE).digest
    whole = kills.Study(command, folder / "whole")
    whole.run()
    ran = kills.total(whole.simulations(baseline))
    print(f"undisturbed: {whole.took_s:.1f} s, {len(whole.records())} records, {ran} simulations of candidates")
    struck = failed = asked = 0
    while struck < wanted:
        asked += 1
        study = kills.Study(command, folder / f"killed-{asked}")
        while not study.run(chance.uniform(0.0, whole.took_s) if struck + len(study.kills) < wanted else None):
            pass
        if not study.kills:
            whole.took_s = min(whole.took_s, study.took_s)  # the machine has become faster
            continue
        struck += len(study.kills)
        found = kills.differences(study, whole, baseline)
        failed += bool(found)
        again = kills.total(study.simulations(baseline)) - ran
        print(f"killed {len(study.kills)} times ({'; '.join(study.kills)}): {again:+d} simulations of candidates")
        print("\n".join(f"  WRONG: {one}" for one in found) or "  the same answer, policy and notebook", flush=True)
    print(f"{struck} kills: {'all well' if not failed else f'{failed} studies went wrong'}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
