"""What a picker knows, recounted from the requests at every look (docs/decisions/views.md)."""

from __future__ import annotations

import math

from glia_sim.policy import fields

MASK = (1 << 64) - 1
EDGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000)


def split_mix(state):
    """SplitMix64's number after `state`, of 64 bits."""
    z = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def unit(draw):
    return (draw >> 11) / 2.0**53


def request_view(request, t):
    first = split_mix(request.number)
    return {
        "prompt_tokens": float(request.prompt),
        "waited_s": t - request.arrival,
        "sequence": float(request.sequence),
        "u1": unit(first),
        "u2": unit(split_mix(first)),
    }


class Scrapes:
    """One reader's last look at every replica's gauges, and the prefixes one picker sent to each."""

    def __init__(self, begin):
        self.begin = begin
        self.seen = {}
        self.sent = {}

    def read(self, replica, t):
        gauges = live_gauges(replica)
        was = self.seen.get(replica.slot, {"itl_sum": 0.0, "itl_count": 0, "step_ms": 0.0})
        gauges.update(t=t, itl_sum=replica.itl_sum, itl_count=replica.itl_count, step_ms=was["step_ms"])
        tokens = replica.itl_count - was["itl_count"]
        if tokens > 0:
            gauges["step_ms"] = 1000.0 * (replica.itl_sum - was["itl_sum"]) / tokens
        self.seen[replica.slot] = gauges

    def gauges(self, replica, t):
        seen = self.seen.get(replica.slot)
        if seen is None:
            return {"running": 0.0, "waiting": 0.0, "kv_used": 0.0, "step_ms": 0.0, "age_s": t - self.begin}
        return {name: float(seen[name]) for name in ("running", "waiting", "kv_used", "step_ms")} | {
            "age_s": t - seen["t"]
        }

    def note_prefix(self, replica, request):
        log = self.sent.setdefault(replica.slot, [])
        log.append((request, sum(one.prompt for one, _ in log)))

    def hit_tokens(self, replica, request):
        """Leading tokens whose prefix went there, less than one cache's worth of prompt tokens ago."""
        log = self.sent.get(replica.slot, [])
        total = sum(one.prompt for one, _ in log)
        capacity = replica.scheduler.blocks.usable * replica.engine.block_size
        hit = 0
        while hit < request.shared:
            name = request.chain[hit // request.chunk_tokens]
            times = [at for one, at in log if one.shared > 0 and name in one.chain]
            if not times or total - times[-1] > capacity:
                break
            hit = min((hit // request.chunk_tokens + 1) * request.chunk_tokens, request.shared)
        return float(hit)


def live_gauges(replica):
    scheduler = replica.scheduler
    return {
        "running": float(len(scheduler.running)),
        "waiting": float(len(scheduler.waiting)),
        "kv_used": float(scheduler.blocks.usable - len(scheduler.blocks.free)),
    }


def replica_view(replica, index, books, gauges):
    """`books`: requests in flight at the replica that the reader dispatched."""
    engine = replica.engine
    started = [one for one in books if one.streaming and one.delivered > 0]
    seen = [one.prompt + (one.delivered if one.streaming else 0) for one in books]
    return gauges | {
        "index": float(index),
        "in_flight": float(len(books)),
        "started": float(len(started)),
        "preempted": max(len(started) - gauges["running"], 0.0),
        "waiting_tokens": float(sum(one.prompt for one in books if one not in started)),
        "kv_blocks": float(engine.num_blocks),
        "committed_blocks": float(sum(math.ceil(tokens / engine.block_size) for tokens in seen)),
        "block_size": float(engine.block_size),
        "max_seqs": float(min(engine.max_num_seqs, engine.max_num_active_seqs or engine.max_num_seqs)),
        "gpu": fields.GPU_CLASSES[replica.group.gpu],
        "draining": float(replica.state == "draining"),
        "starting": float(replica.state == "starting"),
        "prefix_hit_tokens": 0.0,
    }


def arrival_rates(arrived, t, first_arrival):
    """Rates of a reader's own arrivals; divided by the time since the first arrival where a window is longer."""
    known = max(t - first_arrival, 1.0)
    last = [one for one in arrived if one.arrival >= t - 60.0]
    return {
        "arrivals_per_s_10s": sum(1 for one in last if one.arrival >= t - 10.0) / min(known, 10.0),
        "arrivals_per_s_60s": len(last) / min(known, 60.0),
        "prompt_tokens_per_s_60s": float(sum(one.prompt for one in last)) / min(known, 60.0),
    }


def output_statistics(lengths):
    if not lengths:
        return dict.fromkeys(("output_mean", "output_p50", "output_p90", "output_p99"), 256.0)
    statistics = {"output_mean": sum(lengths) / len(lengths)}
    for name, share in (("output_p50", 0.5), ("output_p90", 0.9), ("output_p99", 0.99)):
        statistics[name] = _bucket_quantile(lengths, share)
    return statistics


def _bucket_quantile(lengths, share):
    rank, below, low = share * len(lengths), 0.0, 0.0
    for edge in EDGES:
        count = float(sum(1 for length in lengths if low < length <= edge))
        if count > 0 and below + count >= rank:
            return low + (edge - low) * (rank - below) / count
        below, low = below + count, float(edge)
    return float(EDGES[-1])
