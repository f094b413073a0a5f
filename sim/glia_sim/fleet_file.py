"""Fleet files: YAML, checked field by field, turned into a `fleet.Fleet`."""

from __future__ import annotations

import difflib
import importlib.resources
import pathlib
from dataclasses import replace
from typing import Annotated, Any, Literal

import pydantic
import yaml

from glia_sim import faults, fleet, hardware

Count = Annotated[int, pydantic.Field(ge=1, le=2**31)]
Size = Annotated[int, pydantic.Field(ge=0, le=2**31)]
Duration = Annotated[float, pydantic.Field(gt=0, le=1e9)]
Cost = Annotated[float, pydantic.Field(ge=0, le=1e9)]
Share = Annotated[float, pydantic.Field(ge=0, le=1)]


class _Section(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class StepSection(_Section):
    floor_tokens: Cost | None = None
    base_ms: Cost | None = None
    token_ms: Cost | None = None
    kv_ms: Cost | None = None
    attention_ms: Cost | None = None
    batch_ms: Cost | None = None
    idle_ms: Duration | None = None


class EngineSection(_Section):
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


class GroupSection(_Section):
    gpu: Literal["A10", "L40S", "A100", "H100"]
    model: str
    tensor_parallel: Annotated[int, pydantic.Field(ge=1, le=64)] = 1
    count: Annotated[int, pydantic.Field(ge=1, le=100_000)]
    gpu_memory_utilization: Annotated[float, pydantic.Field(gt=0, le=1)] = 0.9
    engine: EngineSection = EngineSection()
    step: StepSection = StepSection()
    step_scale: Annotated[float, pydantic.Field(gt=0, le=1000)] = 1.0


class RouterSection(_Section):
    views: Literal["perfect", "scraped"] = "perfect"
    scrape_interval_s: Duration = 0.2
    pickers: Annotated[int, pydantic.Field(ge=1, le=1024)] = 1
    hold_ttl_s: Duration | None = None


class ClientsSection(_Section):
    timeout_s: Duration | None = None
    streaming_share: Share = 1.0


class AutoscalerSection(_Section):
    min_replicas: Size
    max_replicas: Count
    interval_s: Duration
    startup_s: Cost
    initial: Size | None = None
    group: Size = 0


class FleetFile(_Section):
    name: str | None = None
    groups: Annotated[list[GroupSection], pydantic.Field(min_length=1)]
    router: RouterSection = RouterSection()
    clients: ClientsSection = ClientsSection()
    autoscaler: AutoscalerSection | None = None


def names() -> tuple[str, ...]:
    """Built-in fleets, in alphabetical order."""
    folder = importlib.resources.files("glia_sim") / "fleets"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load(name_or_path: str | pathlib.Path) -> fleet.Fleet:
    """A built-in fleet by name, or one from a YAML file.

    Raises:
        InputFault: naming the file, the line and field, what was received and what would be right.
    """
    name = str(name_or_path)
    if name in names():
        text = (importlib.resources.files("glia_sim") / "fleets" / f"{name}.yaml").read_text(encoding="utf-8")
        return loads(text, place=name)
    path = pathlib.Path(name_or_path)
    if not path.exists():
        close = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"built-in fleets: {', '.join(names())}"
        raise faults.InputFault(f"{name}: neither a built-in fleet nor a file; {hint}")
    try:
        return loads(path.read_text(encoding="utf-8"), place=name)
    except (OSError, UnicodeDecodeError) as error:
        raise faults.InputFault(f"{name}: not readable as a UTF-8 text file: {error}") from error


def loads(text: str, *, place: str) -> fleet.Fleet:
    """The fleet that a YAML text describes; `place` names the text in messages and is the name of a nameless fleet.

    Raises:
        InputFault: as `load`.
    """
    root = _compose(text, place)
    try:
        content = FleetFile.model_validate(yaml.safe_load(text))
    except pydantic.ValidationError as error:
        raise faults.InputFault(_sentence(error, root, place)) from None
    groups = tuple(_group(section, root, place, position) for position, section in enumerate(content.groups))
    built = fleet.Fleet(
        name=content.name or pathlib.Path(place).stem,
        groups=groups,
        router=fleet.Router(**content.router.model_dump()),
        clients=fleet.Clients(**content.clients.model_dump()),
        autoscaler=fleet.Autoscaler(**content.autoscaler.model_dump()) if content.autoscaler else None,
    )
    _check_autoscaler(built, root, place)
    return built


def _compose(text: str, place: str) -> yaml.Node:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise faults.InputFault(f"{place}{where}: not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise faults.InputFault(f"{place}: not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(root, yaml.MappingNode):
        raise faults.InputFault(f"{place}: expected a mapping with a `groups` list, as docs/fleet.md shows")
    _refuse_duplicates(root, place)
    return root


def _refuse_duplicates(node: yaml.Node, place: str, depth: int = 0) -> None:
    if depth > 20:  # noqa: PLR2004 - far deeper than the schema; validation refuses what lies below
        return
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_duplicates(child, place, depth + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            if key.value in seen:
                raise faults.InputFault(f"{place}, line {key.start_mark.line + 1}: {key.value!r} is given twice")
            seen.add(str(key.value))
            _refuse_duplicates(child, place, depth + 1)


def _sentence(error: pydantic.ValidationError, root: yaml.Node, place: str) -> str:
    first = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    field = _dotted(first["loc"])
    where = f"{place}, line {_line(root, first['loc'])}: {field}"
    if first["type"] == "extra_forbidden":
        return f"{where} is not a field; {_known(first['loc'])}"
    if first["type"] == "missing":
        return f"{where} is missing"
    message = str(first["msg"])
    return f"{where}: {message[0].lower()}{message[1:]}, received {first['input']!r:.80}"


def _dotted(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.removeprefix(".") or "the file"


def _line(root: yaml.Node, location: tuple[int | str, ...]) -> int:
    node, line = root, root.start_mark.line + 1
    for part in location:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next(((key, child) for key, child in node.value if key.value == part), None)
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = (node.value[part], node.value[part])
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


SECTIONS: dict[str, type[_Section]] = {
    "groups": GroupSection,
    "engine": EngineSection,
    "step": StepSection,
    "router": RouterSection,
    "clients": ClientsSection,
    "autoscaler": AutoscalerSection,
}


def _known(location: tuple[int | str, ...]) -> str:
    parents = [part for part in location[:-1] if isinstance(part, str)]
    section = SECTIONS[parents[-1]] if parents else FleetFile
    close = difflib.get_close_matches(str(location[-1]), section.model_fields, n=1)
    return f"did you mean {close[0]!r}?" if close else f"fields here: {', '.join(section.model_fields)}"


def _group(section: GroupSection, root: yaml.Node, place: str, position: int) -> fleet.Group:
    where = f"{place}, line {_line(root, ('groups', position))}: groups[{position}]"
    try:
        model = hardware.model(section.model)
    except faults.InputFault as fault:
        raise faults.InputFault(f"{where}.model: {fault}") from None
    return fleet.Group(
        gpu=section.gpu,
        model=model.name,
        tensor_parallel=section.tensor_parallel,
        count=section.count,
        engine=_engine(section, model, where),
        step=_step(section, model, where),
    )


def _engine(section: GroupSection, model: hardware.Model, where: str) -> fleet.Engine:
    gpu, given = hardware.GPUS[section.gpu], section.engine
    num_blocks = given.num_blocks or 1 + hardware.kv_blocks(
        gpu,
        model,
        tensor_parallel=section.tensor_parallel,
        utilisation=section.gpu_memory_utilization,
        block_size=given.block_size,
    )
    if num_blocks < 2:  # noqa: PLR2004 - the null block and one that holds tokens
        raise faults.InputFault(
            f"{where}: {model.name} leaves no memory for a KV cache on {section.tensor_parallel} x {gpu.name} at "
            f"gpu_memory_utilization {section.gpu_memory_utilization}; raise tensor_parallel or give engine.num_blocks"
        )
    batched = given.max_num_batched_tokens or gpu.max_num_batched_tokens
    seqs = given.max_num_seqs or min(gpu.max_num_seqs, batched)
    if seqs > batched:
        raise faults.InputFault(
            f"{where}.engine: max_num_seqs {seqs} exceeds max_num_batched_tokens {batched}; vLLM refuses to start so"
        )
    values: dict[str, Any] = given.model_dump() | {
        "num_blocks": num_blocks,
        "max_num_seqs": seqs,
        "max_num_batched_tokens": batched,
        "max_model_len": given.max_model_len or min(model.max_model_len, (num_blocks - 1) * given.block_size),
    }
    return fleet.Engine(**values)


def _step(section: GroupSection, model: hardware.Model, where: str) -> hardware.StepTime:
    given = section.step.model_dump(exclude_none=True)
    known = hardware.STEP_TIMES.get((section.gpu, model.profile, section.tensor_parallel))
    needed = {"floor_tokens", "base_ms", "token_ms", "kv_ms", "attention_ms"}
    if known is None and not needed <= given.keys():
        measured = ", ".join(f"{gpu} {profile} TP{tp}" for gpu, profile, tp in hardware.STEP_TIMES)
        raise faults.InputFault(
            f"{where}: nobody measured step times of {model.name} on {section.tensor_parallel} x {section.gpu}; "
            f"give all of step.{', step.'.join(sorted(needed))}, or use one of: {measured}"
        )
    step = hardware.StepTime(**given) if known is None else replace(known, **given)
    step = step.times(section.step_scale)
    if step.base_ms == 0 and step.token_ms == 0:
        raise faults.InputFault(f"{where}.step: base_ms and token_ms are both 0; a step must take time")
    return step


def _check_autoscaler(built: fleet.Fleet, root: yaml.Node, place: str) -> None:
    scaler = built.autoscaler
    if scaler is None:
        return
    where = f"{place}, line {_line(root, ('autoscaler',))}: autoscaler"
    if scaler.group >= len(built.groups):
        raise faults.InputFault(f"{where}.group is {scaler.group}, but groups are 0 to {len(built.groups) - 1}")
    if scaler.min_replicas > scaler.max_replicas:
        raise faults.InputFault(
            f"{where}: min_replicas {scaler.min_replicas} exceeds max_replicas {scaler.max_replicas}"
        )
    initial = built.groups[scaler.group].count if scaler.initial is None else scaler.initial
    if not scaler.min_replicas <= initial <= scaler.max_replicas:
        raise faults.InputFault(
            f"{where}: {initial} replicas at the start lie outside {scaler.min_replicas} to {scaler.max_replicas}; "
            "set initial, or the group's count"
        )
