"""What libraries import for what nobody asks of them here is left out: a tenth of the CPU of a start."""

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

__all__ = ["import_urllib3_without_http2"]


def import_urllib3_without_http2() -> None:
    """Let urllib3, when it is imported, find the modules of its HTTP/2 but not run what switches it on.

    That reads the version of `h2` by `importlib.metadata`, which imports `inspect`, `zipfile` and `tempfile`
    (urllib3 2, http2/__init__.py); a run speaks HTTP/1.1.
    """
    name = "urllib3.http2"
    found = None if "urllib3" in sys.modules else PathFinder.find_spec("urllib3")
    if found and found.submodule_search_locations:
        module = ModuleType(name)
        module.__path__ = [str(Path(folder) / "http2") for folder in found.submodule_search_locations]
        sys.modules[name] = module
