"""Where the fleet's metrics are read."""

from __future__ import annotations

from typing import Annotated, ClassVar

import pydantic

from glia_operator.api import rule, secret, section, words


class Tls(section.Section):
    """How the server proves who it is."""

    ca_secret_ref: secret.SecretRef | None = None
    """Certificates, in PEM, of the authorities to trust; without it the system's."""
    server_name: words.Name | None = None
    """The name that the server's certificate must hold, where it differs from the URL's."""


class Prometheus(section.Section):
    """A server that answers Prometheus' HTTP API."""

    url: Annotated[str, pydantic.Field(max_length=2048), rule.URL]
    """Address, such as http://prometheus.monitoring:9090."""
    secret_ref: secret.SecretRef | None = None
    """A bearer token."""
    tls: Tls | None = None
    """How the server proves who it is."""


class Telemetry(section.Section):
    """Where the fleet's metrics are read, and over how long."""

    rules: ClassVar = (
        rule.Rule(
            cel="duration(self.step) <= duration(self.window)",
            message="step must not be longer than window",
            holds=lambda self: words.seconds(self.step) <= words.seconds(self.window),
            field=".step",
        ),
    )

    prometheus: Prometheus
    """The server to ask."""
    window: words.Duration = "30m"
    """How much of the past one look covers."""
    step: words.Duration = "15s"
    """Distance of the samples."""
