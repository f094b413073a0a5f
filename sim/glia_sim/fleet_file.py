"""Fleet files: YAML, checked field by field, turned into a `fleet.Fleet`."""

from __future__ import annotations

import difflib
import importlib.resources
import pathlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pydantic

from glia_sim import faults, fleet, fleet_schema, hardware, text_file, yaml_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import yaml

MAX_BYTES = 256 * 1024


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
    if not _exists(path):
        close = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"built-in fleets: {', '.join(names())}"
        raise faults.InputFault(f"{name}: neither a built-in fleet nor a file; {hint}")
    return loads(text_file.read(path, what="a fleet's YAML file", most_bytes=MAX_BYTES), place=name)


def _exists(path: pathlib.Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def loads(text: str, *, place: str) -> fleet.Fleet:
    """The fleet that a YAML text describes; `place` names the text in messages and is the name of a nameless fleet.

    Raises:
        InputFault: as `load`.
    """
    values, root = yaml_text.read(text, place)
    try:
        content = fleet_schema.FleetFile.model_validate(values)
    except pydantic.ValidationError as error:
        raise faults.InputFault(sentence(error, root, place, sections=fleet_schema.SECTIONS)) from None
    groups = tuple(
        group(section, f"{place}, line {yaml_text.line_of(root, ('groups', position))}: groups[{position}]")
        for position, section in enumerate(content.groups)
    )
    built = fleet.Fleet(
        name=content.name or pathlib.Path(place).stem,
        groups=groups,
        router=fleet.Router(**content.router.model_dump()),
        clients=fleet.Clients(**content.clients.model_dump()),
        autoscaler=fleet.Autoscaler(**content.autoscaler.model_dump()) if content.autoscaler else None,
    )
    _check_autoscaler(built, root, place)
    return built


def sentence(
    error: pydantic.ValidationError, root: yaml.Node, place: str, *, sections: Mapping[str, type[pydantic.BaseModel]]
) -> str:
    """The first thing wrong with a file in one sentence; `sections` are its models by field, "" the file's own."""
    first = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    field = yaml_text.dotted(first["loc"])
    where = f"{place}, line {yaml_text.line_of(root, first['loc'])}: {field}"
    if first["type"] == "extra_forbidden":
        return f"{where} is not a field; {_known(first['loc'], sections)}"
    if first["type"] == "missing":
        return f"{where} is missing"
    message = "must be a section of fields" if first["type"] == "model_type" else str(first["msg"])
    return f"{where}: {message[0].lower()}{message[1:]}, received {first['input']!r:.80}"


def _known(location: tuple[int | str, ...], sections: Mapping[str, type[pydantic.BaseModel]]) -> str:
    parents = [part for part in location[:-1] if isinstance(part, str)]
    section = sections[parents[-1] if parents else ""]
    close = difflib.get_close_matches(str(location[-1]), section.model_fields, n=1)
    return f"did you mean {close[0]!r}?" if close else f"fields here: {', '.join(section.model_fields)}"


def group(section: fleet_schema.GroupSection, where: str) -> fleet.Group:
    """The group that a checked section describes, defaults filled in; `where` names the section in messages.

    Raises:
        InputFault: its fields contradict each other.
    """
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


def _engine(section: fleet_schema.GroupSection, model: hardware.Model, where: str) -> fleet.Engine:
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


def _step(section: fleet_schema.GroupSection, model: hardware.Model, where: str) -> hardware.StepTime:
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
    where = f"{place}, line {yaml_text.line_of(root, ('autoscaler',))}: autoscaler"
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
