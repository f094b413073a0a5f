"""The parameters of the parts: where each begins, how far it may go, and what it means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """One parameter of a part; `log` where its scale is logarithmic."""

    value: float
    low: float
    high: float
    unit: str
    meaning: str
    log: bool = False


KNOBS = {
    "growth": Knob(
        value=0.05,
        low=0.0,
        high=4.0,
        unit="output tokens per prompt token",
        meaning="growth charged to a request that has not produced a token yet, as a share of its prompt",
    ),
    "reply": Knob(
        value=60.0,
        low=1.0,
        high=1000.0,
        unit="tokens",
        meaning="output tokens charged to a request that has not produced a token yet",
        log=True,
    ),
    "headroom": Knob(
        value=0.05,
        low=0.0,
        high=0.3,
        unit="share of the KV blocks",
        meaning="share of a replica's KV blocks that stays free for the growth of what runs there",
    ),
    "ageing": Knob(
        value=10.0,
        low=0.5,
        high=100.0,
        unit="prompt tokens per second",
        meaning="prompt tokens forgiven for each second of waiting",
        log=True,
    ),
    "doubling_s": Knob(
        value=70.0,
        low=10.0,
        high=600.0,
        unit="s",
        meaning="wait after which a request goes before one of half its length",
        log=True,
    ),
    "alike": Knob(
        value=200.0,
        low=1.0,
        high=1000.0,
        unit="prompt tokens",
        meaning="prompts shorter than this are hardly told apart",
        log=True,
    ),
    "queue_weight": Knob(
        value=0.005,
        low=0.0002,
        high=0.1,
        unit="share of the KV blocks per request",
        meaning="how much one more request in flight weighs against memory in use",
        log=True,
    ),
    "prefill_weight": Knob(
        value=0.01,
        low=0.0005,
        high=1.0,
        unit="1 per 1,000 tokens",
        meaning="how much 1,000 prompt tokens that wait for their prefill weigh",
        log=True,
    ),
    "step_weight": Knob(
        value=0.2,
        low=0.005,
        high=5.0,
        unit="1 per second",
        meaning="how much the replica's step time, multiplied by its requests in flight, weighs",
        log=True,
    ),
    "affinity": Knob(
        value=0.2,
        low=0.005,
        high=5.0,
        unit="1 per prompt",
        meaning="what a prompt whose prefix is thought to be cached there is worth",
        log=True,
    ),
    "tilt": Knob(
        value=800.0,
        low=1.0,
        high=2000.0,
        unit="requests",
        meaning="a prompt 2.7 times as long yields like one that came so many requests earlier",
        log=True,
    ),
    "horizon": Knob(
        value=5.0,
        low=0.5,
        high=200.0,
        unit="tokens",
        meaning="tokens of growth that stay free for every running request",
        log=True,
    ),
    "regret": Knob(
        value=3.0,
        low=0.2,
        high=100.0,
        unit="blocks per preempted request",
        meaning="blocks that stay free for every preempted request that waits to return",
        log=True,
    ),
    "press": Knob(
        value=0.2,
        low=0.02,
        high=20.0,
        unit="blocks per held request",
        meaning="blocks of what stays free that every request held at the router takes back",
        log=True,
    ),
    "mercy": Knob(
        value=40.0,
        low=0.5,
        high=500.0,
        unit="requests per second",
        meaning="a second of waiting at the router protects like coming so many requests later",
        log=True,
    ),
    "backlog": Knob(
        value=12_000.0,
        low=500.0,
        high=100_000.0,
        unit="prompt tokens",
        meaning="prompt tokens that may wait for their prefill on one replica",
        log=True,
    ),
    "brisk_s": Knob(
        value=2.0,
        low=0.1,
        high=30.0,
        unit="s",
        meaning="wait after which a request goes before one of half its length, where requests last seconds",
        log=True,
    ),
    "granted": Knob(
        value=0.3,
        low=0.03,
        high=1.0,
        unit="share of the KV blocks",
        meaning="share of a replica's KV blocks that is given out at all",
        log=True,
    ),
    "yielding": Knob(
        value=300.0,
        low=20.0,
        high=3000.0,
        unit="requests",
        meaning="a prompt 2.7 times as long goes behind so many requests that came later",
        log=True,
    ),
    "turn": Knob(
        value=5.0,
        low=0.1,
        high=200.0,
        unit="prompt tokens per request",
        meaning="prompt tokens forgiven for each request that came later",
        log=True,
    ),
    "target": Knob(
        value=32.0,
        low=1.0,
        high=256.0,
        unit="requests per replica",
        meaning="requests in flight or held that one replica is given",
        log=True,
    ),
    "fill": Knob(
        value=0.8,
        low=0.1,
        high=1.5,
        unit="share of the KV blocks",
        meaning="KV memory in use or asked for that one replica is given, as a share of its own",
    ),
    "stay_s": Knob(
        value=20.0,
        low=1.0,
        high=600.0,
        unit="s",
        meaning="how long a request is expected to stay, which turns an arrival rate into requests in flight",
        log=True,
    ),
    "capacity": Knob(
        value=1.5,
        low=0.05,
        high=50.0,
        unit="requests per second",
        meaning="arrivals per second that one replica is given",
        log=True,
    ),
    "pace": Knob(
        value=600.0,
        low=20.0,
        high=20_000.0,
        unit="tokens per second",
        meaning="output tokens per second that one replica is given",
        log=True,
    ),
    "prefill_share": Knob(
        value=0.2,
        low=0.005,
        high=2.0,
        unit="output tokens per prompt token",
        meaning="work of a prompt token, in output tokens",
        log=True,
    ),
    "spare": Knob(
        value=1.0,
        low=0.0,
        high=2.0,
        unit="replicas",
        meaning="spare replicas at a load of one replica; they grow with the square root of the load",
    ),
    "trend": Knob(
        value=0.3,
        low=0.0,
        high=3.0,
        unit="share of the load",
        meaning="how much of the gap between the last 10 s and the last 60 s of arrivals is expected to come on top",
    ),
    "patience": Knob(
        value=60.0,
        low=5.0,
        high=900.0,
        unit="s",
        meaning="time without a change before the fleet shrinks",
        log=True,
    ),
    "band": Knob(
        value=0.4,
        low=0.0,
        high=2.0,
        unit="replicas",
        meaning="room that must stay in the smaller fleet before the fleet shrinks",
    ),
    "slack": Knob(
        value=0.4,
        low=0.0,
        high=2.0,
        unit="replicas",
        meaning="how much more than the fleet is needed before the fleet grows",
    ),
}
