# Two images from one file.
#
#   docker build --target pipeline -t tfx-recommenders .            the steps of the pipeline, and `recommender run`
#   docker build --target serving  -t tfx-recommenders-serving .    the model server, without TFX and Beam
#
# Both run as any user, also one that nobody knows (OpenShift), and write only to /tmp and /workspace.
# Without a registry: tools/base_image.sh makes the base image. See docs/kubeflow.md.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

# ---- What both are built with; nothing of it stays ------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS build
ENV PATH=/opt/uv/bin:/usr/local/bin:/usr/bin:/bin \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    UV_HTTP_TIMEOUT=300 \
    UV_NO_CACHE=1 \
    UV_NO_PROGRESS=1
RUN python3 -m venv /opt/uv \
 && /opt/uv/bin/pip install --quiet uv==0.13.9 \
 && uv venv --quiet --python /usr/local/bin/python3 /opt/venv
WORKDIR /src

# ---- What both run as ------------------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS base
# Group 0 owns what may be written, because a cluster that chooses the user keeps that group.
RUN mkdir /workspace && chgrp 0 /workspace && chmod 2775 /workspace
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    USER=recommender \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TF_USE_LEGACY_KERAS=1 \
    TF_CPP_MIN_LOG_LEVEL=3
WORKDIR /workspace
USER 10001:0
ENTRYPOINT ["recommender"]

# ---- The model server ------------------------------------------------------------------------------------------------
FROM build AS serving-build
COPY requirements-serving.lock ./
RUN uv pip sync --quiet --compile-bytecode --python /opt/venv/bin/python requirements-serving.lock \
 && rm -rf /opt/venv/lib/python3.*/site-packages/tensorflow/include
COPY setup.py pyproject.toml README.md ./
COPY serving serving
COPY components components
COPY pipelines pipelines
COPY tfx_recommenders tfx_recommenders
RUN uv pip install --quiet --compile-bytecode --python /opt/venv/bin/python --no-deps --no-build-isolation . \
 && rm -f /opt/venv/.lock

FROM base AS serving
COPY --from=serving-build /opt/venv /opt/venv
EXPOSE 8501 8500
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
  CMD ["python", "-m", "serving.health_check"]
CMD ["serve", "--model-base-path", "/models/recommender", "--host", "0.0.0.0"]

# ---- The steps of the pipeline; the last stage is what `docker build .` makes ------------------------------------------
FROM build AS pipeline-build
COPY requirements-pipeline.lock ./
RUN uv pip sync --quiet --compile-bytecode --python /opt/venv/bin/python requirements-pipeline.lock \
 && rm -rf /opt/venv/lib/python3.*/site-packages/tensorflow/include
COPY setup.py pyproject.toml README.md ./
COPY serving serving
COPY components components
COPY pipelines pipelines
COPY tfx_recommenders tfx_recommenders
RUN uv pip install --quiet --compile-bytecode --python /opt/venv/bin/python --no-deps --no-build-isolation . \
 && rm -f /opt/venv/.lock

FROM base AS pipeline
COPY --from=pipeline-build /opt/venv /opt/venv
CMD ["--help"]
