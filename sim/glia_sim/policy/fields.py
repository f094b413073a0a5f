"""The views a policy reads: one column per field, in the order the simulator and the picker fill them.

`docs/decisions/views.md` gives each field's production source, staleness and non-streaming behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One number of a view: its name in a program, its unit, and one line of meaning."""

    name: str
    unit: str
    meaning: str


def _table(*rows: tuple[str, str, str]) -> tuple[Field, ...]:
    return tuple(Field(name=name, unit=unit, meaning=meaning) for name, unit, meaning in rows)


REQUEST = _table(
    ("prompt_tokens", "tokens", "length of the prompt"),
    ("waited_s", "s", "time since this request reached the router"),
    ("sequence", "count", "how many requests reached this router before this one"),
    ("u1", "0..1", "uniform number drawn from the request id"),
    ("u2", "0..1", "second, independent uniform number drawn from the request id"),
)

REPLICA = _table(
    ("index", "ordinal", "position among the serving replicas, from 0; starting and draining ones come after"),
    ("running", "requests", "requests in the running batch"),
    ("waiting", "requests", "requests in the replica's own waiting queue, preempted ones included"),
    ("in_flight", "requests", "dispatched by this router and not yet complete"),
    ("started", "requests", "in flight with the first token seen"),
    ("preempted", "requests", "started but not running"),
    ("waiting_tokens", "tokens", "prompt tokens of in-flight requests whose first token has not been seen"),
    ("kv_blocks", "blocks", "KV cache size"),
    ("kv_used", "blocks", "KV blocks in use"),
    (
        "committed_blocks",
        "blocks",
        "KV blocks that the in-flight requests fill with their prompts and the tokens seen so far",
    ),
    ("block_size", "tokens", "tokens in one KV block"),
    ("max_seqs", "requests", "largest running batch"),
    ("step_ms", "ms", "duration of a recent engine step"),
    ("age_s", "s", "age of the scraped values"),
    ("gpu", "class", "GPU class, comparable with A10, L40S, A100, H100"),
    ("draining", "0 or 1", "1 while the replica finishes its last requests before it goes"),
    ("starting", "0 or 1", "1 until the replica is ready"),
    ("prefix_hit_tokens", "tokens", "prompt tokens of this request that the replica's prefix cache is thought to hold"),
)

FLEET = _table(
    ("serving", "replicas", "replicas that are ready and not draining"),
    ("starting", "replicas", "replicas that are not ready yet"),
    ("draining", "replicas", "replicas that are draining"),
    ("wanted", "replicas", "replicas the autoscaler asked for last"),
    ("held", "requests", "requests held at this router"),
    ("in_flight", "requests", "requests dispatched by this router and not yet complete"),
    ("arrivals_per_s_10s", "1/s", "arrival rate over the last 10 s"),
    ("arrivals_per_s_60s", "1/s", "arrival rate over the last 60 s"),
    ("prompt_tokens_per_s_60s", "tokens/s", "prompt tokens that arrived per second over the last 60 s"),
    ("output_mean", "tokens", "mean output length of completed requests"),
    ("output_p50", "tokens", "median output length of completed requests"),
    ("output_p90", "tokens", "90th percentile of the output length of completed requests"),
    ("output_p99", "tokens", "99th percentile of the output length of completed requests"),
    ("since_scale_s", "s", "time since the number of replicas last changed"),
)

GPU_CLASSES = {"A10": 0.0, "L40S": 1.0, "A100": 2.0, "H100": 3.0}

REQUEST_COLUMNS = {field.name: column for column, field in enumerate(REQUEST)}
REPLICA_COLUMNS = {field.name: column for column, field in enumerate(REPLICA)}
FLEET_COLUMNS = {field.name: column for column, field in enumerate(FLEET)}

ROWS = len(FLEET)
"""Column of the fleet vector, behind its fields, that holds how many replica rows a loop runs over."""
FLEET_WIDTH = ROWS + 1
