"""Copies only the files that a run of the action needs out of the base image, while the image is built.

    python image_tree.py /tree

leaves in /tree: the interpreter, the command `tagger`, the code in /action and the modules that it can import, as
bytecode, their shared libraries, certificate authorities, time zones, and the files that name users. There is no shell
and no package manager.
"""

import ast
import importlib
import os
import py_compile
import re
import shutil
import ssl
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.machinery import FrozenImporter, PathFinder
from pathlib import Path

ACTION = Path("/action")
LIBRARY = Path(sysconfig.get_path("stdlib"))
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)

# Modules that are imported by name at run time, without an `import` statement.
NAMED = (
    "encodings.ascii", "encodings.cp437", "encodings.idna", "encodings.latin_1", "encodings.utf_8",
    "encodings.utf_8_sig", "encodings.utf_16", "encodings.utf_32",
    "_cffi_backend", "typing_extensions", "annotated_types", "typing_inspection.introspection",
)  # fmt: skip
WHOLE = ("pydantic", "rich/_unicode_data", "sigstore", "sigstore_models")  # packages that import their modules by name
DATA = ("*.dist-info/METADATA", "sigstore/_store/**/*")
# Modules whose `import` a run never reaches. One that is imported all the same stays: see `reachable`.
UNUSED = re.compile(
    "("
    # for tests, debuggers, builds and people at a terminal of Python
    r"antigravity|cProfile|code|codeop|curses|distutils|doctest|ensurepip|idlelib|lib2to3|pdb|pip|profile|pstats|pydoc|pydoc_data|"
    r"readline|rich\.(__main__|_inspect|traceback)|rlcompleter|setuptools|this|timeit|tkinter|turtle|unittest|venv|webbrowser|"
    r"_ctypes_test|_curses|_pyrepl|_testcapi|_tkinter|_zoneinfo_test|"
    # for other systems
    r"click\._winconsole|docker\.transport\.npipe\w+|encodings\.mbcs|nturl2path|plistlib|rich\._(win32_console|windows\w*)|"
    r"urllib3\.contrib\.emscripten|_(aix|ios|osx)_support|"
    # in Python, where there is compiled code; and the other way round, where the `Dockerfile` removes that
    r"_py_abc|_pydatetime|_pydecimal|zoneinfo\._zoneinfo|yaml\.cyaml|"
    # for what a run does not do, or does in another way
    r"asyncio|backports\.zstd\.(_shutil|tarfile|zipfile)|concurrent\.futures\.process|ctypes|dbm|docker\.transport\.sshconn|"
    r"email\.(_header_value_parser|contentmanager|headerregistry|mime\.(audio|image)|policy)|ftplib|markdown_it|mdurl|"
    r"multiprocessing|nntplib|pygments|rich\.(filesize|json|logging|markdown|pretty|progress|prompt|syntax|tree)|sqlite3|"
    r"statistics|urllib3\.(contrib\.(pyopenssl|socks)|http2\.connection)|wsgiref|xml\.(dom|sax)|xmlrpc|_dbm|_gdbm|_sqlite3"
    r")(\..*)?"
)
# charset_normalizer asks these, where they are there, which encodings are theirs; none of the encodings is in `NAMED`.
ASKED = re.compile(r"_codecs_\w+|_multibytecodec")
LANDMARK = "os"  # Python finds its library by this module, though its code is in the interpreter (getpath.py)
EXTRA = ("/etc/passwd", "/etc/group", "/etc/os-release", "/usr/local/pyvenv.cfg")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
CERTIFI = ACTION / "certifi/cacert.pem"
ZONES = Path("/usr/share/zoneinfo")
ZONE = re.compile(r"[A-Z][\w+-]*(/[\w+-]+)*")  # a time zone, and nothing in posix/ or right/, and no table
UNWINDER = "libgcc_s.so.1"  # glibc opens it by name when a thread ends


def main(target: Path) -> None:
    """Make the folder `target`, and copy everything into it."""
    sys.path.append(str(ACTION))
    target.mkdir()
    for folder in ("tmp", "etc", "root"):
        (target / folder).mkdir()
    (target / "tmp").chmod(0o1777)
    interpreter = Path("/usr/local/bin/python")
    copy(interpreter, target)
    for path in EXTRA:
        if Path(path).exists():
            copy(Path(path), target)
    for name in sorted(reachable()):
        module(name, target)
    for library in sorted(loaded_libraries()):
        copy(library, target)
    for pattern in DATA:
        for data in sorted(ACTION.glob(pattern)):
            if data.is_file():
                copy(data, target)
    for zone in sorted(ZONES.rglob("*")):
        if zone.is_file() and ZONE.fullmatch(str(zone.relative_to(ZONES))):
            copy(zone, target)
    authorities(target)
    command(target)
    # Without this file glibc asks the hosts file only where no name server answers (nss/nsswitch.c).
    (target / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    settle(target)


def authorities(target: Path) -> None:
    """Write certificate authorities as one file, and as a folder from which OpenSSL reads only those that it needs.

    To read the whole file takes each run with TLS more than 20 ms.
    """
    folder = target / AUTHORITIES.parent.relative_to("/")
    folder.mkdir(parents=True, exist_ok=True)
    text = AUTHORITIES.read_text()
    found = re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", text, re.DOTALL)
    for number, one in enumerate(found):
        (folder / f"{number:03}.pem").write_text(one)
    subprocess.run(["/usr/bin/openssl", "rehash", str(folder)], check=True)  # noqa: S603 - a folder made here
    (folder / AUTHORITIES.name).write_text(text)
    default = Path(ssl.get_default_verify_paths().openssl_capath)
    if default != AUTHORITIES.parent:
        link = target / default.relative_to("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(AUTHORITIES.parent)
    (target / CERTIFI.relative_to("/")).symlink_to(AUTHORITIES)  # as Debian's own package of certifi has it


def command(target: Path) -> None:
    """Write the command `tagger` into a folder on the PATH."""
    program = target / "usr/local/bin/tagger"
    program.write_text(
        "#!/usr/local/bin/python -EsS\n"
        + (ACTION / "entrypoint.py")
        .read_text()
        .replace("import gc\n", f"import gc\nimport sys\n\nsys.path.insert(0, {str(ACTION)!r})\n", 1)
    )
    program.chmod(0o755)


def reachable() -> set[str]:
    """Return the modules that the code in /action can import, its own among them, by the imports in their sources."""
    for path in sorted((ACTION / "tagger").rglob("*.py")):
        for name in imports(path, package_of(path)):
            with suppress(ImportError):  # no module, or a package that this image omits
                importlib.import_module(name)
    # They are imported, even where UNUSED matches.
    seen = {name for name in sys.modules if name != "__main__" and not ASKED.fullmatch(name)}
    todo = {*NAMED, *sys.builtin_module_names}
    for name in seen:
        if (origin := find_module(name)) and origin.suffix == ".py":
            todo |= imports(origin, name if origin.name == "__init__.py" else name.rpartition(".")[0])
    parts = [path for name in ("tagger", *WHOLE) for path in (ACTION / name).rglob("*.py")]
    for path in (ACTION / "entrypoint.py", *parts):
        todo |= imports(path, package_of(path)) | {module_name(path)}
    while todo:
        name = todo.pop()
        if name in seen or UNUSED.fullmatch(name):
            continue
        seen.add(name)
        if "." in name:
            todo.add(name.rpartition(".")[0])
        origin = find_module(name)
        if origin and origin.suffix == ".py":
            todo |= imports(origin, name if origin.name == "__init__.py" else name.rpartition(".")[0])
    return {name for name in seen if find_module(name) and (name == LANDMARK or FrozenImporter.find_spec(name) is None)}


def package_of(path: Path) -> str:
    """Return the package of a module below /action; empty at its top."""
    return ".".join(path.relative_to(ACTION).parent.parts)


def module_name(path: Path) -> str:
    """Return the full name of a module below /action."""
    return ".".join(path.relative_to(ACTION).with_suffix("").parts).removesuffix(".__init__")


@cache  # under emulation, as arm64 is built, to parse takes minutes
def imports(path: Path, package: str) -> frozenset[str]:
    """Return the modules that a source imports, and the names that it imports from them, which may be modules."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package.split(".")[: len(package.split(".")) - node.level + 1]]) if node.level else ""
            module_name = ".".join(filter(None, (base, node.module or "")))
            names.add(module_name)
            names.update(f"{module_name}.{alias.name}" for alias in node.names if alias.name != "*")
    return frozenset(filter(None, names))


@cache
def find_module(name: str) -> Path | None:
    """Return the file of a module, without importing it; None for a built-in module, a folder, or no module."""
    search: list[str] | None = None
    spec = None
    for part in name.split("."):
        spec = PathFinder.find_spec(part, search)
        if spec is None:
            return None
        search = list(spec.submodule_search_locations or ())
    return Path(spec.origin) if spec and spec.origin else None


def module(name: str, target: Path) -> None:
    """Copy one module: an extension as it is, else as bytecode that Python never compares with its source."""
    origin = find_module(name)
    if origin is None:
        return
    if origin.suffix != ".py":
        importlib.import_module(name)  # so that `loaded_libraries` finds its libraries
        copy(origin, target)
        return
    folder = target_path(origin.parent, target)
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{origin.stem}.pyc"
    if name.partition(".")[0] in ("tagger", "entrypoint"):  # with sources, so that tracebacks show lines
        copy(origin, target)
        place = folder / "__pycache__" / f"{origin.stem}.{sys.implementation.cache_tag}.pyc"
    py_compile.compile(
        str(origin), str(place), str(origin), doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )  # fmt: skip
    place.chmod(0o644)  # it has the mode of its source, which a checkout by another umask has otherwise


def loaded_libraries() -> Iterator[Path]:
    """Yield the loaded shared libraries outside Python's folders, the dynamic loader, and `UNWINDER`."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    files = {Path(fields[5]) for line in lines if len(fields := line.split(None, 5)) == 6 and fields[5][0] == "/"}
    folders = {path.parent for path in files}
    for path in files:
        if ".so" in path.name and not (path.is_relative_to(LIBRARY) or path.is_relative_to(ACTION)):
            # Programs name a library by a link beside it, such as libz.so.1 for libz.so.1.3.1.
            yield from (link for link in path.parent.iterdir() if link.is_symlink() and link.resolve() == path)
            yield path
    yield from {folder / UNWINDER for folder in folders if (folder / UNWINDER).exists()}
    yield loader(Path(sys.executable).resolve())


def loader(program: Path) -> Path:
    """Return the dynamic loader that a program names (ELF, PT_INTERP). Raise `SystemExit` where it names none."""
    match = re.search(rb"(/lib[\w/]*/ld-[\w.-]+)\0", program.read_bytes())
    if match is None:
        raise SystemExit(f"{program} names no loader")
    return Path(match[1].decode())


def target_path(path: Path, target: Path) -> Path:
    """Return the path in `target` for a path of the base image, and make the links on the way to it."""
    made = Path("/")
    parts = list(path.parts[1:])
    while parts:
        made /= parts.pop(0)
        if made.is_symlink():
            link = made.readlink()
            copied = target / made.relative_to("/")
            if not copied.is_symlink():
                copied.parent.mkdir(parents=True, exist_ok=True)
                copied.symlink_to(link)
            goal = Path(os.path.normpath(made.parent / link))
            parts = [*goal.parts[1:], *parts]
            made = Path("/")
    return target / made.relative_to("/")


def copy(path: Path, target: Path) -> None:
    """Copy a file, and the links in its path."""
    place = target_path(path, target)
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path.resolve(), place)
        place.chmod(0o755 if os.access(path, os.X_OK) else 0o644)


def settle(target: Path) -> None:
    """Set one time for every file, so that two builds have the same bytes."""
    for path in [target, *target.rglob("*")]:
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
