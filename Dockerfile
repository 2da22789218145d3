ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
COPY requirements.txt /build/
RUN pip install --no-cache-dir --no-compile --disable-pip-version-check --root-user-action=ignore \
    --require-hashes --requirement /build/requirements.txt --target /action
COPY entrypoint.py /action/
COPY tagger /action/tagger
# The image never changes, so nothing need be compared with the sources when it starts.
RUN python -m compileall -q --invalidation-mode unchecked-hash /action

FROM ${BASE}
LABEL org.opencontainers.image.title="Tagger" \
      org.opencontainers.image.description="Release a container image that is already built: every tag of its version, in every registry." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /action /action
# No shell: dash drops INPUT_DRY-RUN, and a dry run would become a real one. An absolute interpreter: a step's PATH is its own.
# -E and -s: a step's PYTHONPATH, PYTHONSTARTUP and home do not say what is imported.
ENTRYPOINT ["/usr/local/bin/python", "-Es", "/action/entrypoint.py"]
