ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS packages
COPY requirements.txt /build/
# Nobody calls the packages' commands and tests, nor PyYAML's loaders in C, which are most of its size.
RUN pip install --no-cache-dir --no-compile --disable-pip-version-check --root-user-action=ignore \
    --require-hashes --requirement /build/requirements.txt --target /action \
    && rm -rf /action/bin /action/*/tests /action/_yaml /action/yaml/_yaml.*
# The base has no bytecode of Python's own library: every container would compile it anew, longer than it plans.
# So whatever is imported is compiled here. The image never changes, so nothing need be compared with the sources.
RUN PYTHONPATH=/action python -X pycache_prefix=/imported -c "import click, docker, dulwich.object_store, dulwich.reftable, \
      packaging.version, semver, urllib3, yaml, \
      concurrent.futures.thread, gzip, netrc, secrets, tomllib, xml.parsers.expat, zoneinfo" \
    && find /imported -name '*.pyc' >/build/modules \
    && sed -Ei 's|^/imported(.*)\.cpython-.*|\1.py|' /build/modules \
    && python -B -X pycache_prefix=/action/bytecode -m compileall -q --invalidation-mode unchecked-hash -i /build/modules

FROM ${BASE} AS code
COPY entrypoint.py /action/
COPY tagger /action/tagger
RUN python -B -X pycache_prefix=/action/bytecode -m compileall -q --invalidation-mode unchecked-hash /action/tagger

FROM ${BASE}
LABEL org.opencontainers.image.title="Tagger" \
      org.opencontainers.image.description="Release a container image that is already built: every tag of its version, in every registry." \
      org.opencontainers.image.licenses="Apache-2.0"
# No shell: dash drops INPUT_DRY-RUN, and a dry run would become a real one. An absolute interpreter: a step's PATH is its own.
# -E and -s: a step's PYTHONPATH, PYTHONSTARTUP and home do not say what is imported.
ENTRYPOINT ["/usr/local/bin/python", "-Es", "-X", "pycache_prefix=/action/bytecode", "/action/entrypoint.py"]
COPY --from=packages /action /action
COPY --from=code /action /action
