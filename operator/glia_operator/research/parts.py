"""The parts that policies are built from: short pieces of programs, each with its parameters and one reason.

A design names one part per place; `design.compose` turns it into a policy document.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a program: an expression, the knobs it reads, and what it is for."""

    text: str
    why: str
    knobs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """Requests that a replica was sent and whose memory it does not use yet.

    Attributes:
        lines: what is worked out first.
        tokens: their prompt tokens.
        requests: their number times, as `CHARGES` asks for it.
        why: empty where nothing has to be said.
    """

    lines: tuple[str, ...] = ()
    tokens: str
    requests: str
    why: str = ""


ORDERS = {
    "arrival": Part(text="request.sequence", why="first come, first served"),
    "shortest": Part(text="request.prompt_tokens", why="the shortest prompt first, so that short ones do not wait"),
    "linear": Part(
        text="request.prompt_tokens - p.ageing * request.waited_s",
        why="the shortest prompt first, with credit for each second waited",
        knobs=("ageing",),
    ),
    "log": Part(
        text="log(request.prompt_tokens + p.alike) - 0.7 * request.waited_s / p.doubling_s",
        why="the shortest prompt first in proportion: a long wait makes up for a prompt twice as long, and very short "
        "prompts are taken as they come",
        knobs=("doubling_s", "alike"),
    ),
    "log-brisk": Part(
        text="log(request.prompt_tokens + p.alike) - 0.7 * request.waited_s / p.brisk_s",
        why="the shortest prompt first in proportion, and a wait of seconds makes up for a prompt twice as long",
        knobs=("brisk_s", "alike"),
    ),
}

ROOM = {
    "share": Part(
        text="floor(p.headroom * replica.kv_blocks)",
        why="a share of the memory",
        knobs=("headroom",),
    ),
    "thin": Part(
        text="floor((1 - p.granted) * replica.kv_blocks)",
        why="all but a small share of the memory, so that few requests share a step and each is fast",
        knobs=("granted",),
    ),
    "growing": Part(
        text="p.horizon * replica.running / replica.block_size",
        why="so many tokens of growth for every running request",
        knobs=("horizon",),
    ),
}

ROOM_TERMS = {
    "preempted": Part(
        text="p.regret * replica.preempted",
        why="more for every preempted request that wants to return",
        knobs=("regret",),
    ),
}

CHARGES = {
    "share": Part(
        text="{tokens} * (1 + p.growth)",
        why="a share of the prompt",
        knobs=("growth",),
    ),
    "reply": Part(
        text="({tokens} + {requests}p.reply)",
        why="a fixed number of tokens, for prompts do not foretell outputs",
        knobs=("reply",),
    ),
}
"""Tokens that requests are charged with; `{tokens}` are their prompts', `{requests}` their number times."""


GATES = {
    "prefill": Part(
        text="replica.waiting_tokens + request.prompt_tokens > p.backlog and replica.waiting_tokens > 0",
        why="the prompts that wait for their prefill there would be too long together; what is held can still be "
        "reordered, what is queued there cannot",
        knobs=("backlog",),
    ),
    "waiting": Part(
        text="replica.waiting > 0",
        why="somebody waits for memory or a first step there already; who is held can still go elsewhere",
    ),
}
"""Conditions under which a replica takes no request now, memory aside; each is false where nothing waits."""

ASIDE = {
    "large": Part(
        text="need > p.large * replica.kv_blocks",
        why="those that ask for a larger share of a replica's memory than the others",
        knobs=("large",),
    ),
}
"""Who lets the requests behind it be tried where it has no room; everybody else holds them back."""

HELD = {
    "used": Part(text="replica.kv_used", why="blocks in use now"),
    "committed": Part(text="replica.committed_blocks", why="blocks that requests in flight fill, preempted ones too"),
}

COMING = {
    "unstarted": Coming(tokens="replica.waiting_tokens", requests="(replica.in_flight - replica.started) * "),
    "unrun": Coming(
        lines=("apart = max(replica.in_flight - replica.running, 0)",),
        tokens="replica.waiting_tokens * apart / max(replica.in_flight - replica.started, 1)",
        requests="apart * ",
        why="what was sent and does not run: where no token is seen before the end, nobody seems to have started, and "
        "whoever runs would be counted twice",
    ),
}

BALANCES = {
    "requests": Part(text="replica.in_flight / replica.max_seqs", why="fewer requests in flight"),
    "memory": Part(text="(held + coming) / replica.kv_blocks", why="less KV memory in use or asked for"),
}

TERMS = {
    "queue": Part(text="p.queue_weight * replica.in_flight", why="shorter queues", knobs=("queue_weight",)),
    "prefill": Part(
        text="p.prefill_weight * replica.waiting_tokens / 1000",
        why="less prefill work ahead",
        knobs=("prefill_weight",),
    ),
    "speed": Part(
        text="p.step_weight * (1 + replica.in_flight) * replica.step_ms / 1000",
        why="faster replicas",
        knobs=("step_weight",),
    ),
    "affinity": Part(
        text="0 - p.affinity * replica.prefix_hit_tokens / request.prompt_tokens",
        why="replicas that hold the prompt's prefix",
        knobs=("affinity",),
    ),
}

SCHEDULERS = {
    "oldest-longest": Part(
        text="floor(p.tilt * log(request.prompt_tokens)) - request.sequence",
        why="when memory runs out requests that arrived early and prompts that are long are preempted first: they hold "
        "most for longest",
        knobs=("tilt",),
    ),
    "newest-waited": Part(
        text="floor(p.tilt * log(request.prompt_tokens) - p.mercy * request.waited_s) - request.sequence",
        why="when memory runs out requests that arrived early and prompts that are long are preempted first, but not "
        "those that had to wait for their admission: nobody pays twice",
        knobs=("tilt", "mercy"),
    ),
    "in-proportion": Part(
        text="floor(p.yielding * log(request.prompt_tokens + p.similar)) + request.sequence",
        why="the shortest prompt in proportion is prefilled first and preempted last, an early arrival counts as a "
        "shorter prompt, and very short prompts are taken as they come",
        knobs=("yielding", "similar"),
    ),
    "shortest": Part(
        text="floor(request.prompt_tokens + p.turn * request.sequence)",
        why="the shortest prompt is prefilled first, and an early arrival counts as a shorter prompt",
        knobs=("turn",),
    ),
}

AUTOSCALERS = {
    "proportional": Part(
        text="need = (fleet.in_flight + fleet.held) / p.target",
        why="as many replicas as the requests in flight and held need",
        knobs=("target",),
    ),
    "memory": Part(
        text="used = 0\n"
        "for other in fleet.replicas:\n"
        "    used += (other.kv_used + other.waiting_tokens / other.block_size) / other.kv_blocks\n"
        "need = used * (1 + fleet.held / max(fleet.in_flight, 1)) / p.fill",
        why="as many replicas as the memory in use and asked for needs, a held request counting like one in flight",
        knobs=("fill",),
    ),
    "arrivals": Part(
        text="need = fleet.arrivals_per_s_60s / p.capacity",
        why="as many replicas as the arrival rate needs",
        knobs=("capacity",),
    ),
    "tokens": Part(
        text="work = fleet.prompt_tokens_per_s_60s * p.prefill_share + fleet.arrivals_per_s_60s * fleet.output_mean\n"
        "need = work / p.pace",
        why="as many replicas as the tokens that arrive per second need, replies at their mean length",
        knobs=("prefill_share", "pace"),
    ),
    "foreseen": Part(
        text="coming = fleet.arrivals_per_s_60s * p.stay_s\n"
        "need = (fleet.in_flight + fleet.held + 2 * coming) / 3 / p.target",
        why="as many replicas as the requests in flight and held need, a third by their number now and two thirds by "
        "what the arrival rate will make of it",
        knobs=("stay_s", "target"),
    ),
}

RESERVES = {
    "spare": Part(
        text="need += p.spare * sqrt(max(need, 0))",
        why="some spare for chance, which grows with the square root of the load",
        knobs=("spare",),
    ),
    "trend": Part(
        text="need += need * p.trend * (fleet.arrivals_per_s_10s / max(fleet.arrivals_per_s_60s, 0.01) - 1)",
        why="what a rising arrival rate will need once a new replica is ready",
        knobs=("trend",),
    ),
}

GENTLY = Part(text="max(ceil(need), fleet.wanted - 1)", why="It gives back one replica at a time.")
"""How an autoscaler answers that shrinks gently."""

HOLDS = {
    "patience": Part(
        text="(need < fleet.wanted and fleet.since_scale_s < p.patience)",
        why="the smaller fleet would come soon after another change",
        knobs=("patience",),
    ),
    "band": Part(
        text="fleet.wanted - 1 - p.band < need < fleet.wanted + p.slack",
        why="a fleet one smaller would be full and this one is hardly short",
        knobs=("band", "slack"),
    ),
}
