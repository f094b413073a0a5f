"""What an emulator's file may hold, section by section; docs/emulator.md says what each field means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic

from glia_sim import fleet_schema

Count = fleet_schema.Count
Seconds = Annotated[float, pydantic.Field(ge=0, le=1e6)]
Kind = Literal["slow-start", "crash", "stuck", "full-queue", "frozen-metrics", "refuse", "stall"]


class FaultSection(fleet_schema.Section):
    """One fault on request; also the body of a POST to /emulator/faults."""

    kind: Kind
    after_s: Seconds = 0.0
    for_s: Annotated[float, pydantic.Field(gt=0, le=1e6)] | None = None
    exit_code: Annotated[int, pydantic.Field(ge=0, le=255)] = 1

    @pydantic.model_validator(mode="after")
    def _ends(self) -> FaultSection:
        if self.kind in {"slow-start", "refuse", "stall"} and self.for_s is None:
            raise ValueError(f"a fault of kind {self.kind} needs for_s, the seconds it lasts")
        return self


class FaultsSection(fleet_schema.Section):
    endpoint: bool = False
    at_start: list[FaultSection] = pydantic.Field(default_factory=list)


class OutputsSection(fleet_schema.Section):
    seed: Annotated[int, pydantic.Field(ge=0, lt=2**63)] = 0
    median: Annotated[float, pydantic.Field(ge=1, le=1e6)] = 200.0
    sigma: Annotated[float, pydantic.Field(ge=0, le=5)] = 0.9
    lowest: Count = 1
    highest: Count = 4096

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> OutputsSection:
        if self.lowest > self.highest:
            raise ValueError(f"lowest {self.lowest} exceeds highest {self.highest}")
        return self


class QueueSection(fleet_schema.Section):
    max_num_queued_reqs: Count | None = None
    max_num_queued_tokens: Count | None = None


class DisturbanceSection(fleet_schema.Section):
    seed: Annotated[int, pydantic.Field(ge=0, lt=2**63)] = 0
    spread: Annotated[float, pydantic.Field(ge=0, le=2)] = 0.0
    stall_every_s: Seconds = 0.0
    stall_s: Seconds = 0.0


class TableSection(fleet_schema.Section):
    file: str | None = None
    where: dict[str, str | int] = pydantic.Field(default_factory=dict)
    rows: list[list[float]] = pydantic.Field(default_factory=list)

    @pydantic.model_validator(mode="after")
    def _one(self) -> TableSection:
        if (self.file is None) == (not self.rows):
            raise ValueError("give exactly one of file and rows")
        return self


class EmulatorFile(fleet_schema.Section):
    served_model_name: Annotated[str, pydantic.Field(min_length=1, max_length=256)] | None = None
    fleet: str | None = None
    group: Annotated[int, pydantic.Field(ge=0)] = 0
    replica: fleet_schema.ReplicaSection | None = None
    latency_table: TableSection | None = None
    queue: QueueSection = QueueSection()
    outputs: OutputsSection = OutputsSection()
    disturbance: DisturbanceSection = DisturbanceSection()
    speed: Annotated[float, pydantic.Field(gt=0, le=1000)] = 1.0
    shutdown_grace_s: Seconds = 20.0
    faults: FaultsSection = FaultsSection()

    @pydantic.model_validator(mode="after")
    def _one(self) -> EmulatorFile:
        if (self.fleet is None) == (self.replica is None):
            raise ValueError("give exactly one of fleet and replica")
        return self


SECTIONS: dict[str, Any] = {
    **fleet_schema.SECTIONS,
    "": EmulatorFile,
    "replica": fleet_schema.ReplicaSection,
    "latency_table": TableSection,
    "queue": QueueSection,
    "outputs": OutputsSection,
    "disturbance": DisturbanceSection,
    "faults": FaultsSection,
    "at_start": FaultSection,
}
"""Sections by the field that holds them."""
