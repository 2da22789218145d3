"""Every file of tests is collected: pytest passes folders by that are called `build`, unless it is told not to."""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent


def test_every_file_of_tests_is_collected() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "--quiet", "-p", "no:cacheprovider"],
        cwd=TESTS.parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    collected = {line.rpartition(":")[0] for line in ended.stdout.splitlines() if line.startswith("tests/")}
    assert collected == {str(path.relative_to(TESTS.parent)) for path in TESTS.rglob("test_*.py")}
