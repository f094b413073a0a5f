"""Emulator files: YAML, checked field by field, turned into `Settings`; and vLLM's flags on top of them."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pydantic

from glia_operator.emulator import schema
from glia_sim import faults, fleet, fleet_file, fleet_schema, latency_table, text_file, yaml_text
from glia_sim.engine import replica

if TYPE_CHECKING:
    import yaml

DEFAULT = "replica: {gpu: A10, model: llama-3-8b}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an emulated server is started with.

    Attributes:
        group: the replica's engine settings and step times.
        max_queued_requests: requests that wait or run; more are refused. None = no limit.
        max_queued_tokens: prompt tokens of requests without a first token; more are refused. None = no limit.
        speed: engine seconds per second of the wall clock.
        fault_endpoint: whether /emulator/faults answers.
    """

    served_model_name: str
    group: fleet.Group
    max_queued_requests: int | None
    max_queued_tokens: int | None
    outputs: schema.OutputsSection
    disturbance: replica.Disturbance
    speed: float
    shutdown_grace_s: float
    fault_endpoint: bool
    faults_at_start: tuple[schema.FaultSection, ...]

    @property
    def engine(self) -> fleet.Engine:
        """VLLM's start-up settings."""
        return self.group.engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """vLLM's own flags; None leaves what the file says."""

    served_model_name: str | None = None
    max_num_seqs: int | None = None
    num_gpu_blocks_override: int | None = None
    scheduling_policy: str | None = None
    max_model_len: int | None = None
    max_num_queued_reqs: int | None = None
    fault_endpoint: bool = False


def load(path: str | None, flags: Flags) -> Settings:
    """The settings of a YAML file, or those of a Llama-3-8B on an A10, with the flags on top.

    Raises:
        InputFault: naming the file, the line and field, what was received and what would be right.
    """
    if path is None:
        return _apply(loads(DEFAULT, place="default"), flags)
    text = text_file.read(pathlib.Path(path), what="an emulator's YAML file", most_bytes=fleet_file.MAX_BYTES)
    return _apply(loads(text, place=path), flags)


def loads(text: str, *, place: str) -> Settings:
    """The settings that a YAML text describes; `place` names it in messages, and a table's path is relative to it.

    Raises:
        InputFault: as `load`.
    """
    values, root = yaml_text.read(text, place)
    try:
        content = schema.EmulatorFile.model_validate(values)
    except pydantic.ValidationError as error:
        raise faults.InputFault(fleet_file.sentence(error, root, place, sections=schema.SECTIONS)) from None
    group = _with_table(_group(content, root, place), content.latency_table, place)
    return _checked(
        Settings(
            served_model_name=content.served_model_name or group.model,
            group=group,
            max_queued_requests=content.queue.max_num_queued_reqs,
            max_queued_tokens=content.queue.max_num_queued_tokens,
            outputs=content.outputs,
            disturbance=replica.Disturbance(**content.disturbance.model_dump()),
            speed=content.speed,
            shutdown_grace_s=content.shutdown_grace_s,
            fault_endpoint=content.faults.endpoint,
            faults_at_start=tuple(content.faults.at_start),
        ),
        place,
    )


def _group(content: schema.EmulatorFile, root: yaml.Node, place: str) -> fleet.Group:
    if content.replica is not None:
        where = f"{place}, line {yaml_text.line_of(root, ('replica',))}: replica"
        section = fleet_schema.GroupSection(**dict(content.replica), count=1)
        return _cached(fleet_file.group(section, where))
    groups = fleet_file.load(str(content.fleet)).groups
    if content.group >= len(groups):
        line = yaml_text.line_of(root, ("group",))
        raise faults.InputFault(
            f"{place}, line {line}: group is {content.group}, but groups are 0 to {len(groups) - 1}"
        )
    return _cached(replace(groups[content.group], count=1))


def _cached(group: fleet.Group) -> fleet.Group:
    """Prefix caching as vLLM has it where the file does not say: on."""
    if group.engine.prefix_caching is not None:
        return group
    return replace(group, engine=replace(group.engine, prefix_caching=True))


def _with_table(group: fleet.Group, table: schema.TableSection | None, place: str) -> fleet.Group:
    if table is None:
        return group
    if table.file is not None:
        path = pathlib.Path(place).parent / table.file
        fit = latency_table.read(path, where=table.where)
    else:
        fit = latency_table.fit(table.rows, place=f"{place}: latency_table.rows")
    return replace(group, step=fit.step)


def _apply(settings: Settings, flags: Flags) -> Settings:
    engine = settings.engine
    given: dict[str, Any] = {
        "max_num_seqs": flags.max_num_seqs,
        "num_blocks": flags.num_gpu_blocks_override,
        "scheduling_policy": flags.scheduling_policy,
        "max_model_len": flags.max_model_len,
    }
    changed = replace(engine, **{name: value for name, value in given.items() if value is not None})
    if flags.num_gpu_blocks_override is not None and flags.max_model_len is None:
        room = (changed.num_blocks - 1) * changed.block_size
        changed = replace(changed, max_model_len=min(changed.max_model_len, room))
    return _checked(
        replace(
            settings,
            group=replace(settings.group, engine=changed),
            served_model_name=flags.served_model_name or settings.served_model_name,
            max_queued_requests=flags.max_num_queued_reqs or settings.max_queued_requests,
            fault_endpoint=flags.fault_endpoint or settings.fault_endpoint,
        ),
        "flags",
    )


def _checked(settings: Settings, place: str) -> Settings:
    engine = settings.engine
    room = (engine.num_blocks - 1) * engine.block_size
    if engine.scheduling_policy not in {"fcfs", "priority"}:
        raise faults.InputFault(f"{place}: scheduling policy {engine.scheduling_policy!r}; vLLM has fcfs and priority")
    if engine.block_size & (engine.block_size - 1):
        raise faults.InputFault(f"{place}: block_size is {engine.block_size}; vLLM's are powers of two")
    if engine.max_model_len > room:
        raise faults.InputFault(
            f"{place}: max_model_len {engine.max_model_len} exceeds the {room} tokens that {engine.num_blocks - 1} KV "
            f"blocks of {engine.block_size} hold; lower it or give more blocks"
        )
    if engine.max_num_seqs > engine.max_num_batched_tokens:
        raise faults.InputFault(
            f"{place}: max_num_seqs {engine.max_num_seqs} exceeds max_num_batched_tokens "
            f"{engine.max_num_batched_tokens}; vLLM refuses to start so"
        )
    return settings
