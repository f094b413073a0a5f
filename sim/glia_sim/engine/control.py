"""What pickers and the autoscaler know and use: records, views, queues, clocks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from glia_sim.engine import handle

Records = npt.NDArray[np.void]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PICKER = np.dtype(
    [
        ("heap", "i8"),  # entries of the held queue's heap, ended requests included
        ("held", "i8"),
        ("in_flight", "i8"),
        ("sequence", "i8"),  # arrivals so far
        ("first_10s", "i8"),  # own arrivals that have left the 10 s window
        ("first_60s", "i8"),
        ("tokens_60s", "f8"),
        ("poked", "i8"),  # something this picker can see has changed
        ("next_scrape", "f8"),
    ],
    align=True,
)

SCRAPE = np.dtype(
    [
        ("t", "f8"),
        ("running", "f8"),
        ("waiting", "f8"),
        ("kv_used", "f8"),
        ("step_ms", "f8"),
        ("itl_sum", "f8"),
        ("itl_count", "f8"),
    ],
    align=True,
)
"""What one picker, or the autoscaler, read from one replica's /metrics last."""

CLOCK = np.dtype(
    [
        ("hold_ttl_s", "f8"),
        ("client_timeout_s", "f8"),
        ("scrape_s", "f8"),  # 0: perfect views
        ("refresh_s", "f8"),  # how often an idle fleet with held requests is looked at again
        ("next_refresh", "f8"),
        ("telemetry_s", "f8"),
        ("next_telemetry", "f8"),
        ("autoscale_s", "f8"),  # 0: no autoscaler
        ("next_autoscale", "f8"),
        ("startup_s", "f8"),
        ("next_ready", "f8"),
        ("timeline_s", "f8"),  # 0: no timeline
        ("next_timeline", "f8"),
        ("last_scale", "f8"),
        ("begin", "f8"),  # the first arrival
        ("ageing", "f8"),  # what a second of waiting adds to the key of a held request, where the order is steady
        ("progress", "f8"),  # when a request last arrived, was dispatched or ended
        ("min_replicas", "i8"),
        ("max_replicas", "i8"),
        ("scaled_first", "i8"),  # slots [scaled_first, scaled_last) belong to the scaled group
        ("scaled_last", "i8"),
        ("wanted", "i8"),
        ("serving", "i8"),
        ("starting", "i8"),
        ("draining", "i8"),
        ("rows", "i8"),
        ("arrived", "i8"),
        ("hold_at", "i8"),  # next request whose hold TTL may pass
        ("client_at", "i8"),  # next request whose client may give up
        ("outputs", "i8"),
        ("output_sum", "f8"),
        ("timeline_rows", "i8"),
        ("dirty", "i8"),
        ("delivered", "i8"),  # replicas below this one have delivered what is due at this instant
    ],
    align=True,
)


class Control(NamedTuple):
    """Arrays of routing and scaling; index P of the picker axis is the autoscaler's own view of the whole fleet."""

    picker: Records  # [P + 1] PICKER
    scrape: Records  # [P + 1, R] SCRAPE
    clock: Records  # [1] CLOCK
    views: Floats  # [P + 1, R, columns] rows in the order serving, starting, draining
    fleet: Floats  # [P + 1, fields + 1]
    request: Floats  # [request fields]
    scores: Floats  # [R]
    held_key: Floats  # [P, N] heap of the held queue
    held_q: Ints  # [P, N]
    stash: Ints  # [N] requests that a pass skipped
    row_slot: Ints  # [R] replica of each row
    slot_row: Ints  # [R] row of each replica
    dirty: Ints  # [R] replicas whose rows changed
    is_dirty: Ints  # [R]
    outputs: Floats  # [buckets] completed requests by output length
    output_stats: Floats  # [4] mean, p50, p90, p99
    sent: Floats  # [P, R] prompt tokens dispatched, for the prefix estimate
    prefix_at: Floats  # [P, R, prefixes] value of `sent` when the prefix last went there, or [1, 1, 1]
    values: Floats  # the policy's parameters
    fault: Ints  # [1]
    flags: Ints  # [FLAGS] below
    heap: Ints  # [R] replicas by next event
    place: Ints  # [R] position of each replica in the heap
    due: Floats  # [R] time of each replica's next event
    kind: Ints  # [R] kind of each replica's next event
    timeline: Floats  # [rows, 2 + 3 R] time, held, then kv share, running, waiting of each replica


(
    HAS_ORDER,
    STATIC_ORDER,
    STEADY_ORDER,
    HAS_SCORE,
    HAS_PRIORITY,
    HAS_AUTOSCALER,
    READS_LIVE,
    READS_COMMITTED,
    READS_FLEET,
    READS_OUTPUTS,
    READS_PREFIX,
    READS_DRAWS,
    SEES_ALL,
    FLAGS,
) = range(14)
"""Entries of `Control.flags`: what the policy has and reads, so that nothing else is computed.
SEES_ALL: one picker sees every token."""

KIND = handle.declare(
    "Control",
    {
        "picker": (PICKER, 1),
        "scrape": (SCRAPE, 2),
        "clock": (CLOCK, 1),
        "views": (np.float64, 3),
        "fleet": (np.float64, 2),
        "request": (np.float64, 1),
        "scores": (np.float64, 1),
        "held_key": (np.float64, 2),
        "held_q": (np.int64, 2),
        "stash": (np.int64, 1),
        "row_slot": (np.int64, 1),
        "slot_row": (np.int64, 1),
        "dirty": (np.int64, 1),
        "is_dirty": (np.int64, 1),
        "outputs": (np.float64, 1),
        "output_stats": (np.float64, 1),
        "sent": (np.float64, 2),
        "prefix_at": (np.float64, 3),
        "values": (np.float64, 1),
        "fault": (np.int64, 1),
        "flags": (np.int64, 1),
        "heap": (np.int64, 1),
        "place": (np.int64, 1),
        "due": (np.float64, 1),
        "kind": (np.int64, 1),
        "timeline": (np.float64, 2),
    },
)
