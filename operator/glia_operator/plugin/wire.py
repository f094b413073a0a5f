"""Calls to a real API server, with the kubeconfig and credentials that kubectl uses."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import urllib3
import yaml
from kubernetes import client, config

from glia_operator.plugin import cluster
from glia_sim import faults

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Which cluster, and which namespace in it, as kubectl's options say; empty = what the kubeconfig says."""

    namespace: str = ""
    context: str = ""
    kubeconfig: str = ""


def connect(login: Login) -> cluster.Cluster:
    """The cluster that the options and the kubeconfig name.

    Raises:
        InputFault: there is no kubeconfig, or no such context in it.
    """
    where = login.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    try:
        contexts, current = config.list_kube_config_contexts(login.kubeconfig or None)  # type: ignore[no-untyped-call]
        names = {one["name"]: one["context"] for one in contexts}
        chosen = login.context or current["name"]
        if chosen not in names:
            raise faults.InputFault(f"--context {chosen!r}: not in {where}; it has {', '.join(names)}")
        api = config.new_client_from_config(  # type: ignore[no-untyped-call]
            login.kubeconfig or None, context=chosen, persist_config=False, client_configuration=_once()
        )
    except (config.ConfigException, OSError, yaml.YAMLError, TypeError, KeyError) as error:
        words = " ".join(str(error).split())
        raise faults.InputFault(f"kubeconfig {where}: {words}; set KUBECONFIG or give --kubeconfig") from None
    namespace = login.namespace or names[chosen].get("namespace") or "default"
    return cluster.Cluster(transport=Wire(api=api), namespace=namespace)


def _once() -> client.Configuration:
    """A person waits: what fails is said at once, not tried again."""
    configuration = client.Configuration()
    configuration.retries = 0
    return configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One HTTP request a call."""

    api: client.ApiClient

    def send(self, call: cluster.Call) -> cluster.Answer:
        """The answer, whatever its code."""
        configuration = self.api.configuration
        headers: dict[str, str] = {"Accept": cluster.JSON, "Content-Type": call.content}
        self.api.update_params_for_auth(headers, [], ["BearerToken"], call.path, call.method, call.body)
        try:
            answer = self.api.rest_client.request(  # type: ignore[no-untyped-call]
                call.method,
                configuration.host + call.address,
                headers=headers,
                body=call.body,
                _request_timeout=TIMEOUT_S,
            )
            code, content = int(answer.status), bytes(answer.read() or b"")
        except client.exceptions.ApiException as error:
            code, content = int(error.status or 0), _bytes(error.body)
            if not code:
                raise faults.InputFault(f"{configuration.host}: no answer: {error.reason}") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            words = " ".join(str(error).split())
            raise faults.InputFault(
                f"{configuration.host}: no answer: {words:.300}; is this the right context?"
            ) from None
        return cluster.Answer(code=code, body=_parsed(content))


def _bytes(body: object) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body) if isinstance(body, bytes) else b""


def _parsed(content: bytes) -> cluster.Object:
    try:
        body: Any = json.loads(content)
    except ValueError:
        return {"message": content.decode(errors="replace")[:300]}
    return body if isinstance(body, dict) else {"message": str(body)[:300]}
