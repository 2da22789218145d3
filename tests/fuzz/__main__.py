"""Each parser for a while under libFuzzer, which goes where the code was not yet: `python -m tests.fuzz --help`.

It needs atheris, which is no dependency of the project: `make fuzz` installs it beside the others.
"""

import argparse
import importlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LONGEST = 4096  # bytes of an input
SLOWEST = 10  # seconds that one may take
LARGEST = 1024  # MiB of memory


def main() -> int:
    """Try parsers, several at a time; return 1 where one has a finding."""
    words = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    words.add_argument("--seconds", type=int, default=600, help="for each parser")
    words.add_argument("--at-once", type=int, default=2, help="parsers at a time")
    words.add_argument("--alone", help=argparse.SUPPRESS)
    words.add_argument("names", nargs="*", help="parsers; all of them where none is named")
    given = words.parse_args()
    if given.alone:
        _alone(given.alone, given.seconds)
    from tests.fuzz.parsers import PARSERS

    unknown = set(given.names) - PARSERS.keys()
    if unknown:
        words.error(f"there are only {', '.join(PARSERS)}")
    with ThreadPoolExecutor(given.at_once) as pool:
        ended = list(pool.map(lambda name: _one(name, given.seconds), given.names or list(PARSERS)))
    print(f"{len(ended)} parsers, {sum(ended)} with a finding", flush=True)
    return 1 if any(ended) else 0


def _one(name: str, seconds: int) -> bool:
    """Run one parser in a process of its own, tell how it ended, and return whether it has a finding."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "tests.fuzz", "--alone", name, "--seconds", str(seconds)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = ran.stdout.decode(errors="replace")
    inputs = (re.findall(r"stat::number_of_executed_units:\s+(\d+)", said) or re.findall(r"^#(\d+)\s", said, re.M))[-1:]
    covered = re.findall(r"cov: (\d+) ft: (\d+)", said)[-1:]
    reached = "".join(f", {places} places, {features} ways" for places, features in covered)
    told = f"{name}: {inputs[0] if inputs else 0} inputs in {time.monotonic() - begun:.0f} s{reached}"
    found = ran.returncode != 0
    print(f"{told}{': a finding' if found else ''}", flush=True)
    if found:
        print("\n".join(said.splitlines()[-60:]), flush=True)
    return found


def _alone(name: str, seconds: int) -> None:
    """Try one parser in this process, and end it."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["tagger", "yaml", "semver", "packaging"]):
        from tests.fuzz.parsers import PARSERS

    parser = PARSERS[name]
    with tempfile.TemporaryDirectory(prefix="tagger-corpus-") as folder:
        tokens = Path(folder, "tokens.dict")
        tokens.write_text("".join(_tokens(parser.examples)))
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, example in enumerate(parser.examples):
            (corpus / f"example-{number}").write_bytes(example)
        bounds = [f"-max_total_time={seconds}", f"-timeout={SLOWEST}", f"-rss_limit_mb={LARGEST}"]
        told = [f"-artifact_prefix={tempfile.gettempdir()}/fuzz-", "-print_final_stats=1"]
        given = [f"-max_len={LONGEST}", f"-dict={tokens}", str(corpus)]
        atheris.Setup([sys.argv[0], *bounds, *told, *given], parser.attempt)
        atheris.Fuzz()


def _tokens(examples: Iterator[bytes] | list[bytes] | tuple[bytes, ...]) -> Iterator[str]:
    """Yield the words of examples as a dictionary of libFuzzer has them."""
    words = {word for example in examples for word in re.findall(rb"[A-Za-z0-9_.-]{2,40}|[^\sA-Za-z0-9]{1,3}", example)}
    for word in sorted(words)[:300]:
        yield '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n'


if __name__ == "__main__":
    sys.exit(main())
