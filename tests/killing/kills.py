"""Kills a study again and again, and compares what comes out with what the same study gives undisturbed."""

from __future__ import annotations

import collections
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glia_operator.research import notebook as notebooks

if TYPE_CHECKING:
    import pathlib

OWN = ("wall_s", "cpu_s", "policy", "report", "notebook")
"""Fields of an answer that tell of the run, or of its folder."""


@dataclass
class Study:
    """One question, asked in a folder of its own."""

    command: list[str]
    folder: pathlib.Path
    began_s: float = 0.0
    took_s: float = 0.0
    kills: list[str] = field(default_factory=list)

    @property
    def out(self):
        """Where `glia` writes."""
        return self.folder / "out"

    def start(self):
        """Ask, or go on, as a process group of its own."""
        self.folder.mkdir(exist_ok=True)
        self.began_s = time.monotonic()
        script = [sys.executable, "-m", "killing.watched", str(self.folder / "jobs.log")]
        with (self.folder / "answer.json").open("w") as answer, (self.folder / "errors.log").open("a") as errors:
            return subprocess.Popen(
                [*script, *self.command, "--out", str(self.out), "--json"],
                stdout=answer,
                stderr=errors,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )

    def run(self, kill_after_s=None):
        """Whether the study came to its end before it was to be killed."""
        process = self.start()
        try:
            status = process.wait(kill_after_s)
        except subprocess.TimeoutExpired:
            self.kills.append(f"{time.monotonic() - self.began_s:.1f} s: {self._doing()}")
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return False
        assert status == 0, (self.folder / "errors.log").read_text()[-2000:]
        self.took_s = time.monotonic() - self.began_s
        return True

    def _doing(self):
        records = self.records()
        return f"after record {len(records)}" + (f", {records[-1].kind}" if records else "")

    def records(self):
        """What stands in the notebook, without what an interruption cut short."""
        path = self.out / "notebook.jsonl"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [notebooks.read(line) for line in lines]

    def result(self):
        """Everything that the study gives, except for how long it took and where it stands."""
        answer = json.loads((self.folder / "answer.json").read_text())
        for place in (answer, answer["baseline"], answer["best"]):
            for name in OWN:
                place.pop(name, None)
        return answer, (self.out / "policy.yaml").read_bytes(), (self.out / "notebook.jsonl").read_bytes()

    def simulations(self, without):
        """How often each simulation began, but for one policy's, by the record after which it was asked for."""
        counts = collections.defaultdict(collections.Counter)
        for line in (self.folder / "jobs.log").read_text().splitlines():
            job = json.loads(line)
            counts[job["after"]].update(one for one in job["simulations"] if not one.endswith(without))
        return counts


def differences(study, whole, baseline):
    """In words, what a killed study did otherwise than the undisturbed one; nothing, if all is well.

    The baseline's simulations are left out: what they gave is in no record, so a study that goes on runs them again.
    """
    found = []
    for name, one, other in zip(("answer", "policy", "notebook"), study.result(), whole.result(), strict=True):
        if one != other:
            found.append(f"the {name} differs")
    twice = collections.Counter((one.kind, one.key) for one in study.records())
    found += [f"record {key} stands {count} times" for key, count in twice.items() if count > 1]
    expected = whole.simulations(baseline)
    for after, counts in study.simulations(baseline).items():
        strangers = set(counts) - set(expected[after])
        if strangers:
            found.append(f"{len(strangers)} simulations that belong to another step ran after record {after[:15]}")
    return found


def total(counts):
    """How many simulations began."""
    return sum(count.total() for count in counts.values())
