"""A scripted OpenAI-compatible server on real HTTP, and views to ask a brain with."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http import server

import pytest

from glia_operator.adapters import budget as budgets
from glia_operator.adapters import endpoint as endpoints
from glia_operator.adapters import model
from glia_operator.research import team
from glia_sim.policy import document

KEY = "sk-a-very-secret-key-0123456789"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050}


class Scripted(server.ThreadingHTTPServer):
    """Answers each request by the next step of its script, the last step for ever; keeps what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.steps = []
        self.asked = []
        self.headers = []
        self.greetings = 0
        self.greet = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def script(self, *steps):
        self.steps = list(steps)

    def handle_error(self, request, client_address):
        """A client that went away is part of the script."""


class _Handler(server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        if body["messages"][0]["content"].startswith("Answer with the word ready"):
            self.server.greetings += 1
            step = self.server.greet or text("ready")
        else:
            self.server.asked.append(body)
            steps = self.server.steps
            step = steps.pop(0) if len(steps) > 1 else steps[0]
        (step if isinstance(step, Step) else step(body)).play(self)

    def log_message(self, *_):
        """Nothing is printed."""


class Step:
    """One answer on the wire."""

    def __init__(self, content=b"", *, status=200, headers=None, length=None, wait_s=0.0, drop=False):
        self.content, self.status, self.headers = content, status, headers or {}
        self.length, self.wait_s, self.drop = length, wait_s, drop

    def play(self, handler):
        time.sleep(self.wait_s)
        if self.drop:
            handler.close_connection = True
            handler.connection.close()
            return
        handler.send_response(self.status)
        for name, value in {"content-type": "application/json", **self.headers}.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(self.length or len(self.content)))
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(self.content)
        if self.length:
            handler.close_connection = True


def completion(message, *, finish="stop", usage=USAGE):
    body = {"id": "1", "object": "chat.completion", "model": "scripted", "created": 1}
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
    return Step(json.dumps({**body, "choices": [choice], **({"usage": usage} if usage else {})}).encode())


def tool(act, arguments=None, **named):
    """A tool call; `arguments` as a raw text, or named."""
    content = json.dumps(named) if arguments is None else arguments
    call = {"id": "c", "type": "function", "function": {"name": act, "arguments": content}}
    return completion({"content": None, "tool_calls": [call]}, finish="tool_calls")


def text(content, **named):
    return completion({"content": content}, **named)


def turn(act, **named):
    """An answer that fits the JSON schema."""
    return text(json.dumps({"turn": {"act": act, **named}}))


def status(code, message="it is so", **headers):
    return Step(json.dumps({"error": {"message": message}}).encode(), status=code, headers=headers)


ROUTER = "def score(request, replica, fleet, p):\n    return -replica.in_flight - p.weight * replica.kv_used\n"
WEIGHT = {"name": "weight", "value": 0.1, "low": 0.0, "high": 1.0, "unit": "1", "meaning": "weight of memory"}
PROPOSAL = {
    "title": "Memory beside requests",
    "hypothesis": "If the choice weighs memory, fewer requests are restarted.",
    "addresses": "memory",
    "predicted": 0.1,
    "router": ROUTER,
    "parameters": [WEIGHT],
}


@pytest.fixture
def said():
    """The words of this module, for tests: steps of a script and a proposal."""

    class Words:
        key, proposal, router, weight = KEY, PROPOSAL, ROUTER, WEIGHT
        step, completion, tool, text, turn, status = Step, completion, tool, text, turn, status

    for name in ("completion", "tool", "text", "turn", "status"):
        setattr(Words, name, staticmethod(globals()[name]))
    return Words


@pytest.fixture
def scripted():
    """A server in a thread."""
    found = Scripted()
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


@pytest.fixture
def waits():
    """Seconds that a brain waited, in order; nobody really waits."""
    return []


@pytest.fixture
def brain(scripted, waits):
    """Makes brains that ask the scripted server."""
    made = []

    def make(*, timeout_s=5.0, per_minute=1e9, key=KEY, **budget):
        address = endpoints.Address(
            url=scripted.url, model="scripted", key=key, timeout_s=timeout_s, per_minute=per_minute
        )
        found = model.ModelBrain(endpoints.Endpoint(address, wait=waits.append), budgets.Budget(**budget))
        made.append(found)
        return found

    yield make
    for one in made:
        one.close()


def line(number, **changes):
    """An experiment as the team remembers it."""
    found = {
        "title": f"idea {number}",
        "hypothesis": "because",
        "addresses": "memory",
        "predicted": 0.1,
        "observed": 0.05,
        "low": 0.01,
        "high": 0.09,
        "p99_ratio": 1.0,
        "cost": -0.05,
        "finding": "kept",
        "kept": True,
        "policy": document.dumps(document.load("p2c")),
        "parts": "",
    }
    return team.Line(number=number, **{**found, **changes})


@pytest.fixture
def lines():
    """Makes experiments."""
    return line


@pytest.fixture
def view():
    """Makes views of a study that has just begun."""

    def make(**changes):
        found = {
            "task": ("4 replicas of Llama-3-8B on A10.", "Trace toy, 300 requests."),
            "tunes": frozenset({"router", "scheduler"}),
            "objective": "mean-latency",
            "traits": frozenset(),
            "hints": "",
            "bottlenecks": (team.Bottleneck(name="memory", strength=0.6, sentence="Memory is full."),),
            "baseline": document.dumps(document.load("llq")),
            "experiments": (),
            "turns": (),
            "observations": {},
            "pending": None,
            "experiments_left": 5,
            "turns_left": 30,
        }
        return team.View(**{**found, **changes})

    return make


@pytest.fixture
def pending():
    """A proposal that waits for the Supervisor."""
    return team.Turn(
        role="researcher",
        act="propose",
        text="If memory counts, restarts fall.",
        title="memory",
        addresses="memory",
        predicted=0.1,
        policy=document.dumps(document.load("p2c")),
    )
