"""What is lost for good is said in one sentence, and nothing that works for a study outlives it."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

import glia_operator
import glia_sim
from glia_operator.adapters import dask_cluster, dask_job, executors, jobs, study_process
from glia_operator.cli import main
from glia_operator.research import marking
from glia_sim import faults, goal, trial
from glia_sim.policy import compile as compiler

SCENE = ["--fleet", "paper-a10x4", "--trace", "synthetic:paper?requests=100&rate=9&seed=4"]


@pytest.mark.parametrize(
    "text", ["", "dask", "scheduler:8786", "http://scheduler:8786", "tcp://scheduler", "tcp://:8786", "tcp://a b:1"]
)
def test_an_executor_that_is_none_is_refused(text, capsys, tmp_path):
    arguments = ["optimize", *SCENE, "--budget", "1", "--out", str(tmp_path / "out"), "--executor", text]
    assert main.main(arguments) == 2
    assert "write local, or the address of a Dask scheduler" in capsys.readouterr().err


def test_a_scheduler_that_does_not_answer_is_named(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_cluster, "CONNECT_WITHIN_S", 0.5)
    where = ["--executor", "tcp://127.0.0.1:1"]
    assert main.main(["optimize", *SCENE, "--budget", "1", "--out", str(tmp_path / "out"), *where]) == 2
    assert "tcp://127.0.0.1:1: no Dask scheduler answers within 0.5 s" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_encrypted_address_needs_certificates():
    asked = executors.open_executor(executors.Settings(where="tls://127.0.0.1:8786"))
    with (
        pytest.raises(faults.InputFault, match=r"certificates are needed; .* ca-file, client.cert and client.key"),
        asked,
    ):
        pass


async def test_a_study_of_the_operator_takes_its_executor_from_there():
    process = await study_process.StudyProcess.start("nowhere")
    try:
        spec = {"target": {"workloadRef": {"name": "vllm"}}, "offline": {"fleet": "paper-a10x4", "trace": SCENE[-1]}}
        await process.write({"name": "chat", "spec": spec, "texts": {}, "hints": "", "model_key": "", "processes": 1})
        assert "brief" in await process.read()
        await process.write({"records": [], "spent_s": 0.0})
        assert "'nowhere': write local" in (await process.read())["refused"]
    finally:
        await process.kill()


def test_a_cluster_without_workers_is_refused_and_one_that_loses_them_all_is_given_up(dask, monkeypatch):
    monkeypatch.setattr(dask_cluster, "WORKERS_WITHIN_S", 1.0)
    with pytest.raises(jobs.Unreachable, match=r"has no worker after 1 s; start one with `dask worker"), dask.open():
        pass
    monkeypatch.setattr(dask_cluster, "WORKERS_WITHIN_S", 60.0)
    dask.join()
    with dask.open() as cluster:
        monkeypatch.setattr(dask_cluster, "WORKERS_WITHIN_S", 1.0)
        waiting = cluster.submit(time.sleep, 60)
        dask.workers[0].kill()
        with pytest.raises(jobs.Unreachable, match="has had no worker for 1 s; what is in the notebook stands"):
            waiting.result(30)


def test_workers_that_run_other_code_are_refused(dask, tmp_path):
    for package in (glia_sim, glia_operator):
        source = pathlib.Path(package.__file__).parent
        shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    mended = tmp_path / "glia_sim" / "score.py"
    mended.write_text(mended.read_text() + "# mended\n")
    dask.join(path=[str(tmp_path)])
    said = r"worker tcp://.* differs: it runs glia-operator .* from the image"
    with pytest.raises(jobs.OtherVersion, match=said), dask.open():
        pass
    with pytest.raises(jobs.OtherVersion, match=r"instead of glia-operator 0\.0\.1"):  # a worker that joins later
        dask_job.run(b"", "glia-operator 0.0.1")


def test_a_call_travels_without_its_workload_and_answers_the_same(tiny_brief):
    program = compiler.compile(tiny_brief.baseline)
    one = trial.Trial(machines=tiny_brief.fleet, workload=tiny_brief.workload, programs=(program, program), seed=1)
    content, workloads = dask_job.pack(marking.play, (one, ("charged.e2e.mean",)), {})
    assert workloads == [tiny_brief.workload]
    assert len(content) < 4_000
    assert dask_job.run(content, dask_job.version(), *workloads) == marking.play(one, ("charged.e2e.mean",))


def test_a_simulation_that_kills_its_workers_is_given_up_and_others_go_on():
    with executors.open_executor(executors.Settings(processes=2)) as pool:
        with pytest.raises(jobs.WorkersLost, match="worker processes died 4 times under the same simulation"):
            pool.submit(signal.raise_signal, signal.SIGKILL).result()
        assert pool.submit(pow, 2, 5).result() == 32


@pytest.mark.parametrize("processes", [1, 2])
def test_a_fault_comes_back_as_it_was_raised(processes):
    with executors.open_executor(executors.Settings(processes=processes)) as executor:
        asked = executor.submit(goal.objective, "nothing")
        with pytest.raises(faults.InputFault, match="'nothing'"):
            asked.result()


PARENT = """\
import os, sys, time
from glia_operator.adapters import executors
if __name__ == "__main__":
    with executors.open_executor(executors.Settings(processes=2)) as pool:
        print(*{pool.submit(os.getpid).result() for _ in range(20)}, flush=True)
        pool.submit(time.sleep, 600)
        time.sleep(600)
"""


def test_workers_end_with_the_process_that_they_work_for(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment)
    with parent.stdout:
        workers = [int(word) for word in parent.stdout.readline().split()]
    assert workers
    assert all(pathlib.Path(f"/proc/{pid}").exists() for pid in workers)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while alive := [pid for pid in workers if _runs(pid)]:
        assert time.monotonic() < deadline, f"still alive: {alive}"
        time.sleep(0.05)


def _runs(pid):
    """Whether the process is there and no zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
