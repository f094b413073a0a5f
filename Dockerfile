# The operator, the emulator and the command line in one image. `make image` builds it and proves that it starts.
#
# A base needs python3.11 with venv on its PATH, and the same one serves both stages.
# Package indexes and certificates come from the host, as build secrets that no layer keeps:
#   docker build --secret id=pip.conf,src=... --secret id=uv.toml,src=... --secret id=ca.pem,src=... .
ARG BASE=python:3.11.13-slim-bookworm@sha256:86adf8dbadc3d6e82ee5dd2c74bec2e1c2467cdad47886280501df722372d2e1

FROM ${BASE} AS build
ARG UV_VERSION=0.13.9
ENV UV_PROJECT_ENVIRONMENT=/opt/glia \
    UV_PYTHON_DOWNLOADS=never \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.pem \
    if [ -f /run/secrets/ca.pem ]; then export PIP_CERT=/run/secrets/ca.pem; fi \
    && python3.11 -m venv /opt/uv \
    && /opt/uv/bin/pip install --quiet uv==${UV_VERSION}
# The locked dependencies change less often than the code: they are a layer of their own.
COPY pyproject.toml uv.lock ./
RUN --mount=type=secret,id=uv.toml,target=/etc/uv/uv.toml \
    --mount=type=secret,id=ca.pem \
    if [ -f /run/secrets/ca.pem ]; then export SSL_CERT_FILE=/run/secrets/ca.pem; fi \
    && /opt/uv/bin/uv sync --quiet --frozen --no-dev --no-install-project --python "$(command -v python3.11)"
COPY README.md LICENSE ./
COPY sim sim
COPY operator operator
# What nothing imports at run time is left behind: the packages' own tests and a notebook extension of plotly.
RUN --mount=type=secret,id=uv.toml,target=/etc/uv/uv.toml \
    --mount=type=secret,id=ca.pem \
    if [ -f /run/secrets/ca.pem ]; then export SSL_CERT_FILE=/run/secrets/ca.pem; fi \
    && /opt/uv/bin/uv sync --quiet --frozen --no-dev --no-editable --python "$(command -v python3.11)" \
    && cd /opt/glia/lib/python3.11/site-packages \
    && find numpy scipy numba llvmlite -type d -name tests -prune -exec rm -rf {} + \
    && rm -rf /opt/glia/share/jupyter /opt/glia/etc/jupyter

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="glia-operator" \
      org.opencontainers.image.description="Designs, examines and rolls out policies for fleets of vLLM servers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/glia /opt/glia
# The root may be read-only: machine code goes to NUMBA_CACHE_DIR, everything else that is written goes to /tmp.
ENV PATH=/opt/glia/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    NUMBA_CACHE_DIR=/var/cache/glia \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# Nothing in the image may change its user.
RUN mkdir -p -m 0755 /var/cache/glia \
    && chown 65532:65532 /var/cache/glia \
    && find / -xdev -type f -perm /6000 -exec chmod ug-s {} +
USER 65532:65532
VOLUME ["/var/cache/glia", "/tmp"]
EXPOSE 8080 9090 8000
ENTRYPOINT ["glia"]
CMD ["--help"]
