"""The shape of a fleet: its replicas, router, clients and autoscaler. docs/fleet.md documents every field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from glia_sim import faults

if TYPE_CHECKING:
    from glia_sim import hardware
    from glia_sim.workload import trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Start-up settings of one vLLM server, under vLLM's own names.

    Attributes:
        num_blocks: KV blocks, the null block included: num_blocks - 1 hold tokens.
        prefix_caching: None = on exactly when the workload carries prefixes.
        max_num_active_seqs: None = no limit beside max_num_seqs.
    """

    num_blocks: int
    block_size: int = 16
    max_num_seqs: int = 256
    max_num_batched_tokens: int = 2048
    scheduling_policy: Literal["fcfs", "priority"] = "fcfs"
    prefix_caching: bool | None = None
    async_scheduling: bool = False
    watermark: float = 0.0
    reserve_full_isl: bool = True
    long_prefill_token_threshold: int = 0
    max_num_active_seqs: int | None = None
    max_model_len: int = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """`count` equal replicas, each on `tensor_parallel` GPUs."""

    gpu: Literal["A10", "L40S", "A100", "H100"]
    model: str
    tensor_parallel: int
    count: int
    engine: Engine
    step: hardware.StepTime

    @property
    def gpus(self) -> int:
        """GPUs of one replica."""
        return self.tensor_parallel


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """What the pickers see and how they hold requests.

    Attributes:
        views: "perfect" = each replica's state now; "scraped" = as last scraped, plus the picker's own accounting.
        hold_ttl_s: a request held longer fails; None = for ever.
    """

    views: Literal["perfect", "scraped"] = "perfect"
    scrape_interval_s: float = 0.2
    pickers: int = 1
    hold_ttl_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """How clients behave.

    Attributes:
        timeout_s: a request unfinished so long after its arrival is aborted and failed; None = they wait for ever.
        streaming_share: share of requests whose tokens the picker sees as they come.
    """

    timeout_s: float | None = None
    streaming_share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaler:
    """Bounds and delays of scaling one group; the wanted number comes from the policy's autoscaler program.

    Attributes:
        interval_s: the program runs this often.
        startup_s: from the decision to a replica that serves.
        initial: replicas at second 0; None = the group's count.
        group: index of the group that scales.
    """

    min_replicas: int
    max_replicas: int
    interval_s: float
    startup_s: float
    initial: int | None = None
    group: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Everything about the machines; nothing about the policy or the requests."""

    name: str
    groups: tuple[Group, ...]
    router: Router = Router()
    clients: Clients = Clients()
    autoscaler: Autoscaler | None = None

    @property
    def replicas(self) -> int:
        """Replicas of all groups."""
        return sum(group.count for group in self.groups)

    def with_views(self, views: Literal["perfect", "scraped"], scrape_interval_s: float) -> Fleet:
        """The same machines behind a router that sees them so."""
        return replace(self, router=replace(self.router, views=views, scrape_interval_s=scrape_interval_s))

    def with_kv(self, factor: float) -> Fleet:
        """The same fleet with every replica's KV blocks multiplied by `factor` and rounded down, 2 at least."""

        def scaled(group: Group) -> Group:
            blocks = max(2, int(group.engine.num_blocks * factor))
            return replace(group, engine=replace(group.engine, num_blocks=blocks))

        return replace(self, groups=tuple(scaled(group) for group in self.groups))


def check(fleet: Fleet, workload: trace.Workload) -> None:
    """Refuse a workload with a request that some replica could never finish.

    Raises:
        InputFault: naming the first such request, the group, what it needs and what there is.
    """
    total = workload.prompt_tokens + workload.output_tokens
    for position, group in enumerate(fleet.groups):
        engine = group.engine
        room = min(engine.max_model_len, (engine.num_blocks - 1) * engine.block_size)
        if total.max() <= room:
            continue
        row = int(np.argmax(total > room))
        limit = (
            f"max_model_len is {engine.max_model_len}"
            if room == engine.max_model_len
            else f"its {engine.num_blocks - 1} usable KV blocks of {engine.block_size} tokens hold {room}"
        )
        raise faults.InputFault(
            f"{workload.name}, request {row + 1} of {workload.requests}: {workload.prompt_tokens[row]} prompt and "
            f"{workload.output_tokens[row]} output tokens do not fit a replica of group {position} "
            f"({group.gpu}, {group.model}) of fleet {fleet.name}: {limit}; "
            f"raise that limit or remove the requests above {room} tokens"
        )
