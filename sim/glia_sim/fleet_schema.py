"""What a fleet file may hold, section by section; docs/fleet.md says what each field means."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

Count = Annotated[int, pydantic.Field(ge=1, le=2**31)]
Size = Annotated[int, pydantic.Field(ge=0, le=2**31)]
Duration = Annotated[float, pydantic.Field(gt=0, le=1e9)]
Cost = Annotated[float, pydantic.Field(ge=0, le=1e9)]
Share = Annotated[float, pydantic.Field(ge=0, le=1)]


class Section(pydantic.BaseModel):
    """Fields that a file may hold: no others, of exactly these types."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class StepSection(Section):
    floor_tokens: Cost | None = None
    base_ms: Cost | None = None
    token_ms: Cost | None = None
    kv_ms: Cost | None = None
    attention_ms: Cost | None = None
    batch_ms: Cost | None = None
    idle_ms: Duration | None = None


class EngineSection(Section):
    num_blocks: Annotated[int, pydantic.Field(ge=2, le=2**31)] | None = None
    block_size: Annotated[int, pydantic.Field(ge=1, le=4096)] = 16
    max_num_seqs: Annotated[int, pydantic.Field(ge=1, le=65536)] | None = None
    max_num_batched_tokens: Count | None = None
    scheduling_policy: Literal["fcfs", "priority"] = "fcfs"
    prefix_caching: bool | None = None
    async_scheduling: bool = True
    watermark: Annotated[float, pydantic.Field(ge=0, lt=1)] = 0.0
    reserve_full_isl: bool = True
    long_prefill_token_threshold: Size = 0
    max_num_active_seqs: Count | None = None
    max_model_len: Count | None = None


class ReplicaSection(Section):
    gpu: Literal["A10", "L40S", "A100", "H100"]
    model: str
    tensor_parallel: Annotated[int, pydantic.Field(ge=1, le=64)] = 1
    gpu_memory_utilization: Annotated[float, pydantic.Field(gt=0, le=1)] = 0.9
    engine: EngineSection = EngineSection()
    step: StepSection = StepSection()
    step_scale: Annotated[float, pydantic.Field(gt=0, le=1000)] = 1.0


class GroupSection(ReplicaSection):
    count: Annotated[int, pydantic.Field(ge=1, le=100_000)]


class RouterSection(Section):
    views: Literal["perfect", "scraped"] = "perfect"
    scrape_interval_s: Duration = 0.2
    pickers: Annotated[int, pydantic.Field(ge=1, le=1024)] = 1
    hold_ttl_s: Duration | None = None


class ClientsSection(Section):
    timeout_s: Duration | None = None
    streaming_share: Share = 1.0


class AutoscalerSection(Section):
    min_replicas: Size
    max_replicas: Count
    interval_s: Duration
    startup_s: Cost
    initial: Size | None = None
    group: Size = 0


class FleetFile(Section):
    name: str | None = None
    groups: Annotated[list[GroupSection], pydantic.Field(min_length=1)]
    router: RouterSection = RouterSection()
    clients: ClientsSection = ClientsSection()
    autoscaler: AutoscalerSection | None = None


SECTIONS: dict[str, type[Section]] = {
    "": FleetFile,
    "groups": GroupSection,
    "engine": EngineSection,
    "step": StepSection,
    "router": RouterSection,
    "clients": ClientsSection,
    "autoscaler": AutoscalerSection,
}
