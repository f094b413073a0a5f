"""Certificates of one cluster: a CA, the servers', and one per user; made with openssl."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import TYPE_CHECKING

from controlplane import faults

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping, Sequence

DAYS = "30"
CA_EXTENSIONS = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign,digitalSignature\n"
LEAF_EXTENSIONS = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n"
IDENTITY_EXTENSIONS = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"


def authority(folder: pathlib.Path) -> None:
    """Makes ca.crt and ca.key, and the key pair that signs ServiceAccount tokens."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _request(folder, "ca", subject="/CN=glia-test-ca")
    _sign(folder, "ca", CA_EXTENSIONS + "subjectKeyIdentifier=hash\n", signer=["-signkey", str(folder / "ca.key")])
    _key(folder, "service-account")
    key, public = str(folder / "service-account.key"), str(folder / "service-account.pub")
    _openssl(["pkey", "-in", key, "-pubout", "-out", public])


def server(folder: pathlib.Path, name: str, *, addresses: Sequence[str], names: Sequence[str]) -> None:
    """Makes NAME.crt and NAME.key for a server that is reached by these addresses and names."""
    entries = [*(f"IP:{address}" for address in addresses), *(f"DNS:{dns}" for dns in names)]
    extra = f"extendedKeyUsage=serverAuth\nsubjectAltName={','.join(entries)}\n"
    _request(folder, name, subject=f"/CN={name}")
    _sign(folder, name, LEAF_EXTENSIONS + IDENTITY_EXTENSIONS + extra, signer=_by_authority(folder))


def user(folder: pathlib.Path, name: str, *, groups: Sequence[str] = ()) -> tuple[pathlib.Path, pathlib.Path]:
    """Certificate and key with which the API server knows the bearer as `name`, member of `groups`."""
    stem = "user-" + name.replace(":", "-").replace("/", "-")
    subject = "".join(f"/O={group}" for group in groups) + f"/CN={name}"
    _request(folder, stem, subject=subject)
    _sign(folder, stem, LEAF_EXTENSIONS + IDENTITY_EXTENSIONS + "extendedKeyUsage=clientAuth\n", _by_authority(folder))
    return folder / f"{stem}.crt", folder / f"{stem}.key"


def kubeconfig(folder: pathlib.Path, name: str, *, server_url: str, groups: Sequence[str] = ()) -> str:
    """A kubeconfig, complete in itself, for a user made now."""
    certificate, key = user(folder, name, groups=groups)
    return _kubeconfig(
        folder, name, server_url, {"client-certificate-data": _encoded(certificate), "client-key-data": _encoded(key)}
    )


def bearer_kubeconfig(folder: pathlib.Path, token: pathlib.Path, *, server_url: str) -> str:
    """A kubeconfig whose user is whoever the token in a file names."""
    return _kubeconfig(folder, "bearer", server_url, {"tokenFile": str(token)})


def _kubeconfig(folder: pathlib.Path, name: str, server_url: str, proof: Mapping[str, str]) -> str:
    cluster = {"server": server_url, "certificate-authority-data": _encoded(folder / "ca.crt")}
    context = {"cluster": "glia-test", "user": name, "namespace": "default"}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "glia-test",
        "clusters": [{"name": "glia-test", "cluster": cluster}],
        "users": [{"name": name, "user": dict(proof)}],
        "contexts": [{"name": "glia-test", "context": context}],
    }
    return json.dumps(document, indent=1)


def _encoded(path: pathlib.Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _by_authority(folder: pathlib.Path) -> list[str]:
    return ["-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key"), "-CAcreateserial"]


def _key(folder: pathlib.Path, name: str) -> None:
    curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    _openssl(["genpkey", *curve, "-out", str(folder / f"{name}.key")])


def _request(folder: pathlib.Path, name: str, *, subject: str) -> None:
    _key(folder, name)
    key, request = str(folder / f"{name}.key"), str(folder / f"{name}.csr")
    _openssl(["req", "-new", "-key", key, "-subj", subject, "-out", request])


def _sign(folder: pathlib.Path, name: str, extensions: str, signer: Sequence[str]) -> None:
    wanted = folder / f"{name}.ext"
    wanted.write_text(extensions)
    request, certificate = str(folder / f"{name}.csr"), str(folder / f"{name}.crt")
    common = ["x509", "-req", "-in", request, "-out", certificate, "-days", DAYS, "-sha256", "-extfile", str(wanted)]
    _openssl([*common, *signer])


def _openssl(arguments: Sequence[str]) -> None:
    try:
        answer = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise faults.ClusterFault(
            "certificates are made with the openssl command, and there is none: install openssl"
        ) from None
    if answer.returncode:
        raise faults.ClusterFault(f"openssl {arguments[0]} failed: {answer.stderr.strip()}")
