# Four images, of one base: the stage that is built by default is the last.
FROM python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285 AS base

FROM base AS packages
COPY requirements.txt /build/
# Nobody calls the packages' commands and tests. PyYAML, dulwich and charset_normalizer have Python code for all that they
# have compiled too, which is most of their size; for the few files and answers that a run reads it is as fast.
RUN pip install --no-cache-dir --no-compile --disable-pip-version-check --root-user-action=ignore \
    --require-hashes --requirement /build/requirements.txt --target /action \
    && rm -rf /action/bin /action/*/tests /action/_yaml /action/yaml/*.so /action/dulwich/*.so /action/charset_normalizer/*.so

FROM packages AS sources
COPY entrypoint.py /action/
COPY tagger /action/tagger
COPY tools/image_tree.py /build/

FROM sources AS whole
# Seconds since 1970: what every file is dated, so that two builds are the same bytes. Bytecode without the columns of
# tracebacks is a quarter smaller when packed.
ARG SOURCE_DATE_EPOCH=0
RUN python -BX no_debug_ranges /build/image_tree.py /tree

# With a shell and Debian's programs, for runners that start a job's script inside the image (GitLab's `image:`).
FROM base AS debug
COPY --from=whole /tree/usr/local/bin/tagger /usr/local/bin/tagger
COPY --from=whole /action /action
RUN python -X no_debug_ranges -m compileall -q --invalidation-mode unchecked-hash /action && chmod -R a+rX /action
ENTRYPOINT ["/usr/local/bin/python", "-EsS", "/action/entrypoint.py"]

# With what proves signatures (`verify`, `base-verify`): cryptography and sigstore are more than all the rest.
FROM sources AS whole-verify
ARG SOURCE_DATE_EPOCH=0
COPY requirements-verify.txt /build/
RUN pip install --no-cache-dir --no-compile --disable-pip-version-check --root-user-action=ignore --upgrade \
    --require-hashes --requirement /build/requirements-verify.txt --target /action \
    && rm -rf /action/bin /action/*/tests /action/_yaml /action/yaml/*.so /action/dulwich/*.so /action/charset_normalizer/*.so \
    && python -BX no_debug_ranges /build/image_tree.py /tree
FROM scratch AS verify
ENV PATH=/usr/local/bin LANG=C.UTF-8
COPY --from=whole-verify /tree /
ENTRYPOINT ["/usr/local/bin/python", "-EsS", "/action/entrypoint.py"]

# Python, what a run imports, and nothing else.
FROM scratch
LABEL org.opencontainers.image.title="Tagger" \
      org.opencontainers.image.description="Release a container image that is already built: every tag of its version, in every registry." \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/usr/local/bin LANG=C.UTF-8
COPY --from=whole /tree /
# No shell: dash drops INPUT_DRY-RUN, and a dry run would become a real one. An absolute interpreter: a step's PATH is its own.
# -E and -s: a step's PYTHONPATH, PYTHONSTARTUP and home do not say what is imported. -S: all packages are in /action.
ENTRYPOINT ["/usr/local/bin/python", "-EsS", "/action/entrypoint.py"]
