"""Values back from the plain JSON that `score.as_json` made of them."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import pydantic

Value = TypeVar("Value")


def restored(kind: type[Value], content: Any) -> Value:  # noqa: ANN401 - any JSON
    """The value of a dataclass of this package; null is a number without a finite value and comes back as NaN.

    Raises:
        ValueError: the content is not of that kind.
    """
    return pydantic.TypeAdapter(kind).validate_python(_with_nan(content))


def _with_nan(content: Any) -> Any:  # noqa: ANN401 - any JSON
    if content is None:
        return math.nan
    if isinstance(content, dict):
        return {name: _with_nan(value) for name, value in content.items()}
    return [_with_nan(value) for value in content] if isinstance(content, list) else content
