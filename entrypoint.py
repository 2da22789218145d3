"""The entry point of the action and of the command. An old Python can read it too, and names what is missing."""

import gc
import sys

OLDEST = (3, 11)


def main() -> int:
    """Run the program. Return 2, with an error that says so, where Python is too old or a package is missing."""
    if sys.version_info < OLDEST:
        needed, have = (".".join(map(str, version[:2])) for version in (OLDEST, sys.version_info))
        return say("Tagger needs Python " + needed + " or newer, and this is " + have, "Run it with a newer Python.")
    gc.set_threshold(100000)  # a run keeps most objects: frequent garbage collection costs a twentieth
    try:
        from tagger.program import main as run
    except ImportError as error:  # the command line itself reports a package that is missing later
        package = (getattr(error, "name", "") or "").split(".")[0]
        if not package or package == "tagger" or package in sys.stdlib_module_names:
            raise
        return say(
            "the Python package " + package + " is missing",
            "Install what Tagger needs: `pip install --require-hashes -r requirements.txt`, or `pip install .`.",
        )
    run()
    return 0


def say(message: str, hint: str) -> int:
    """Print an error and its hint, with `--json` also as JSON on standard output, and return exit code 2."""
    sys.stderr.write("Invalid input: " + message + "\nHint: " + hint + "\n")
    if "--json" in sys.argv:
        import json

        error = {"code": "MISSING_PACKAGE", "message": message, "hint": hint}
        sys.stdout.write(json.dumps({"error": error, "repositories": []}) + "\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
