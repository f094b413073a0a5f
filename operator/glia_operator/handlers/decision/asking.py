"""The identity of a question, as the operator sees it without reading the trace."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from glia_operator.api import optimization


def question(spec: optimization.Spec, texts: Mapping[str, str]) -> str:
    """Digest of everything that decides what a study answers; two questions may still come to one brief.

    Args:
        spec: hints, approval, pause and telemetry do not count.
        texts: the data of the ConfigMap that the spec names; keys that it does not name do not count.
    """
    whole = spec.plain()
    research = whole.get("research", {})
    ref = spec.offline.config_map_ref if spec.offline is not None else None
    keys = () if ref is None else (ref.fleet_key, ref.trace_key)
    content = {
        "offline": whole.get("offline"),
        "objective": whole.get("objective"),
        "constraints": whole.get("constraints"),
        "tune": whole.get("tune"),
        "research": {name: research.get(name) for name in ("brain", "budget", "seed", "strategy")},
        "minImprovement": whole.get("rollout", {}).get("minImprovement"),
        "texts": {key: texts.get(key) for key in keys},
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
