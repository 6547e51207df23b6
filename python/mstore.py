"""Save and load models through mstore, which keeps every version.

One file that needs nothing but Python 3.9 and the program ``mstore``: put it beside
your code, or its directory on PYTHONPATH. The change to code that saves JSON is a line:

    with open("model.json", "w") as f:                              # before
        json.dump(model, f, cls=NumpyEncoder)

    mstore.save_json(model, "model.json", cls=NumpyEncoder)         # after

The file is the same, byte for byte; it is written whole or not at all, and is a version
of the store that lies in its directory or above. ``load_json`` reads it again, and takes
the newest good version instead when it is broken. Nothing is printed: what goes wrong is
an ``MstoreError``, what mstore warns of a Python warning (``MstoreWarning``).

The program is the file that the environment variable MSTORE names, else ``mstore`` on
PATH, else ``bin/mstore`` beside this module's directory. With MSTORE_DIR set, that is the
store, and the working directory the root of the models, as for the program. All functions
may be called from several threads at once.
"""

import contextlib
import dataclasses
import json
import math
import os
import platform
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
import warnings
import weakref
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

__all__ = ["save_json", "save_file", "load_json", "load_bytes", "log", "validate", "checkout",
           "Version", "MstoreError", "InvalidModel", "UsageError", "NotFound", "Damaged",
           "Conflict", "MstoreWarning"]

PathLike = Union[str, "os.PathLike[str]"]


class MstoreWarning(UserWarning):
    """What mstore did in another way than asked, and what ``on_error="warn"`` lets pass."""


class MstoreError(Exception):
    """What mstore reports, or that it cannot be run.

    ``code`` is the exit code of the program (None: it did not run), ``message`` its words,
    ``command`` the command line.
    """

    def __init__(self, code: Optional[int], message: str, command: Sequence[str] = ()) -> None:
        super().__init__(code, message, command)
        self.code, self.message, self.command = code, message, list(command)

    def __str__(self) -> str:
        return self.message


class InvalidModel(MstoreError):
    """Code 1: the model was refused, or something could not be read or written."""


class UsageError(MstoreError):
    """Code 2: an argument that makes no sense, or a path outside of the store's root."""


class NotFound(MstoreError):
    """Code 3: no such store, version or model, or its content has expired."""


class Damaged(MstoreError):
    """Code 4: something that was needed is damaged or lost."""


class Conflict(MstoreError):
    """Code 5: not the version that was expected, a read-only store, or names that collide."""


_ERRORS = {1: InvalidModel, 2: UsageError, 3: NotFound, 4: Damaged, 5: Conflict}


@dataclasses.dataclass(frozen=True)
class Version:
    """What a save made. Where a version is asked for, one of these will do."""

    version: str  #: "v13"
    id: str  #: 64 hex digits
    branch: str
    created: bool  #: False: nothing changed, and this is the version that was there
    models: List[Dict[str, Any]]  #: of each: path, id, size, status
    quality: Dict[str, Any]  #: what validation found: errors, warnings, notes
    raw: Dict[str, Any] = dataclasses.field(repr=False)  #: all of ``mstore commit --json``


Revision = Union[str, Version]


def save_json(data: Any, path: PathLike, *, params: Optional[Mapping[str, Any]] = None,
              metrics: Optional[Mapping[str, Any]] = None, description: Optional[str] = None,
              source: Optional[str] = None, meta: Optional[Mapping[str, Any]] = None,
              env: Union[bool, Mapping[str, Any]] = True, author: Optional[str] = None,
              validate: Optional[str] = None, fast: bool = False,
              expect: Optional[Revision] = None, on_error: str = "raise",
              **dump_args: Any) -> Optional[Version]:
    """Write data to path as ``json.dump`` does, and make it a version.

        save_json(model, "oracle.json", cls=NumpyEncoder, indent=2,
                  params={"lr": 3e-4}, metrics={"loss": loss}, description="200 events")

    ``params``, ``metrics``, ``description`` (what ``mstore log`` shows), ``source``,
    ``author`` and whatever ``meta`` names are kept with the version, and so are the
    versions of Python and of the libraries that are loaded (``env``: False for none, or a
    mapping for more). ``validate`` is "off", "warn" or "strict", else what the settings
    say; ``fast`` takes the least time and more space. With ``expect`` (a version) the save
    is refused when the branch has moved on.

    All other arguments are those of ``json.dump``. The text is that of ``json.dump`` too,
    in UTF-8 and with line feeds. As there, NaN and Infinity are written unless
    ``allow_nan=False``, and make a file that is no JSON: validation reports it.

    What becomes of the file when that fails:

    - The data cannot be serialised, or written: it stays as it was.
    - The model is refused, by validation or a hook (InvalidModel) or by ``expect``
      (Conflict): it stays as it was, and the error tells where the refused one is kept: in
      the store's ``quarantine/``, else beside the file as ``NAME.refused``.
    - There is no store or no program, or anything else: it is written all the same, whole,
      and then the error is raised; with ``on_error="warn"`` it is a warning, and the
      result is None.

    Directories that are missing are made. Files keep their permissions; what a symbolic
    link points to is written. A process that is killed leaves the old file or the new one,
    and perhaps ``.mstore-tmp-…`` beside it, which is yours to look at and to delete.
    """
    _check_on_error(on_error)
    target = _target(path)
    temp = _stage(target, data, dump_args)
    with _lock(target):
        try:
            version = _commit([target], temp, params=params, metrics=metrics, source=source,
                              description=description, meta=meta, env=env, author=author,
                              validate=validate, fast=fast, expect=expect)
        except BaseException as err:
            if isinstance(err, MstoreError) and _refused(err, expect):
                if "is kept in quarantine/" in err.message:
                    os.unlink(temp)
                else:
                    _replace(temp, target + ".refused")
                    err.message += f"; the model is kept in {target}.refused"
                raise
            _replace(temp, target)
            if on_error == "warn" and isinstance(err, (MstoreError, OSError)):
                warnings.warn(f"{target} was written, but is no version: {err}",
                              MstoreWarning, stacklevel=2)
                return None
            raise
        try:
            _replace(temp, target)
        except OSError:
            os.unlink(temp)  # the store has it
            raise
        return version


def save_file(path: Union[PathLike, Sequence[PathLike]], *, on_error: str = "raise",
              **save_args: Any) -> Optional[Version]:
    """Make files or directories that are there one version.

        torch.save(net.state_dict(), "net.pt")
        save_file("net.pt", params={"lr": 3e-4}, metrics={"loss": loss})
        save_file(["encoder.safetensors", "decoder.safetensors"], description="both halves")

    The arguments are save_json's, but for those of ``json.dump``. The files stay as they
    are, whatever happens.
    """
    _check_on_error(on_error)
    targets = [_target(p) for p in _many(path)]
    try:
        return _commit(targets, None, **save_args)
    except (MstoreError, OSError) as err:
        if on_error == "raise":
            raise
        warnings.warn(f"no version was made of {', '.join(targets)}: {err}", MstoreWarning,
                      stacklevel=2)
        return None


def load_json(path: PathLike, version: Optional[Revision] = None, *, fallback: bool = False,
              unwrap: bool = False, **load_args: Any) -> Any:
    """Read a JSON model: the file, or with ``version`` what the store has of it.

        model = load_json("oracle.json", fallback=True)
        old = load_json("oracle.json", "v12")

    With ``fallback``, what is missing, damaged or no JSON is replaced by the newest version
    of it that is good (with ``version``: up to that one), and an MstoreWarning tells which.
    When there is none, the first error is raised. ``unwrap`` takes the model out of
    ``{"metadata": ..., "data": ...}``. The other arguments are those of ``json.load``.
    """
    try:
        if version is None:
            with open(path, "rb") as f:
                raw = f.read()
        else:
            raw = load_bytes(path, version)
        data = json.loads(raw, **load_args)
    except (OSError, ValueError, NotFound, Damaged) as err:
        if not fallback:
            raise
        data, found = _newest_good(path, version, load_args, err)
        warnings.warn(f"{os.fspath(path)}: {found} was loaded instead: {err}", MstoreWarning,
                      stacklevel=2)
    if unwrap and isinstance(data, dict) and data.keys() == {"metadata", "data"} \
            and isinstance(data["metadata"], dict):
        return data["data"]
    return data


def load_bytes(path: PathLike, version: Revision = "HEAD", *, unwrap: bool = False) -> bytes:
    """Return the bytes that a version has of a model, verified.

        torch.load(io.BytesIO(load_bytes("net.pt", "v12")))
    """
    where, (name,) = _place(_target(path))
    flags = ["--unwrap"] if unwrap else []
    return _run([*where, "cat", "--json", *flags, "--", f"{_rev(version)}:{name}"])


def log(path: Optional[PathLike] = None, n: Optional[int] = None, where: Optional[str] = None,
        *, version: Optional[Revision] = None) -> List[Dict[str, Any]]:
    """Return the history of a model or, without one, of the store of the working directory.

        best = log("oracle.json", n=1, where="metrics.loss < 0.3")

    Newest first, as ``mstore log --json`` prints it: at most ``n`` versions, those for which
    ``where`` holds, beginning with ``version``.
    """
    at, names = _place(_target(path)) if path is not None else ([], [])
    args = [*at, "log", "--json"]
    if n is not None:
        args += ["-n", str(n)]
    if where is not None:
        args.append(f"--where={where}")
    if version is not None:
        args.append(_rev(version))
    return [json.loads(line) for line in _run([*args, "--", *names]).splitlines()]


def validate(path: PathLike) -> List[Dict[str, Any]]:
    """Return what validation finds in a file, errors first, without saving it.

        errors = [f["message"] for f in validate("oracle.json") if f["severity"] == "error"]

    Each finding has severity ("error" or "warning"), rule, path (the place in the model),
    line, column, found, expected and message. Without a store, the built-in kinds apply.
    """
    os.stat(path)  # the program would look for a version of that name
    at, names = _place(_target(path))
    doc = json.loads(_run([*at, "validate", "--json", "--limit=1000000", "--", *names], ok=(0, 1)))
    return [f for m in doc["models"] for f in m["errors"] + m["warnings"]]


def checkout(version: Revision, paths: Union[None, PathLike, Sequence[PathLike]] = None, *,
             output: Optional[PathLike] = None, fallback: bool = False) -> Dict[str, Any]:
    """Bring files back as they were in a version: these, or without ``paths`` all of them.

        checkout("v12", "net.pt")
        checkout("prod", output="/srv/models")

    With ``output`` they are written there instead. What was not saved is kept in a safety
    version: the result, what ``mstore checkout --json`` prints, names it.
    """
    if paths is None:
        at, names = [], []
    else:
        at, names = _place(*map(os.path.abspath, _many(paths)))
    args = [*at, "checkout", "--json"]
    if output is not None:
        args.append(f"--output={os.path.abspath(output)}")
    if fallback:
        args.append("--fallback")
    done: Dict[str, Any] = json.loads(_run([*args, _rev(version), "--", *names]))
    return done


# ---- the program ----------------------------------------------------------------------


def _program() -> str:
    parent = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = (os.environ.get("MSTORE") or shutil.which("mstore")
             or shutil.which("mstore", path=os.path.join(parent, "bin")))
    if found:
        return found
    raise MstoreError(None, "the program mstore was not found: put it on PATH, or its path into "
                            "the environment variable MSTORE")


def _run(args: Sequence[str], stdin: Optional[str] = None, ok: Sequence[int] = (0,)) -> bytes:
    """Run mstore and return what it prints. Its input comes from a file rather than through
    a pipe: were this process killed, a pipe would just end, and half a model be saved."""
    command = [_program(), "-q", *args]
    try:
        with open(stdin or os.devnull, "rb") as f:
            done = subprocess.run(command, stdin=f, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, check=False,
                                  creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0))
    except OSError as err:
        raise MstoreError(None, f"{command[0]} cannot be run: {err}", command) from err
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode == 0 or done.returncode in ok and done.stdout:
        for line in said.splitlines():
            warnings.warn(line[len("warning: "):] if line.startswith("warning: ") else line,
                          MstoreWarning, stacklevel=4)
        return bytes(done.stdout)
    message = said or f"{command[0]} ended with {done.returncode}"
    with contextlib.suppress(ValueError, LookupError, TypeError):
        *before, last = said.splitlines()  # before: warnings, and what hooks say
        message = "\n".join([json.loads(last)["error"], *before])
    raise _ERRORS.get(done.returncode, MstoreError)(done.returncode, message, command)


def _place(first: str, *more: str) -> Tuple[List[str], List[str]]:
    """Where to run mstore for these absolute paths, and how to name them there. The store is
    looked for from the file upward; only with MSTORE_DIR is the working directory the root."""
    if os.environ.get("MSTORE_DIR"):
        return [], [_relative(p, os.getcwd()) for p in (first, *more)]
    directory = os.path.dirname(first)
    return ["-C", directory], [_relative(p, directory) for p in (first, *more)]


def _relative(path: str, directory: str) -> str:
    with contextlib.suppress(ValueError):  # another drive
        path = os.path.relpath(path, directory).replace(os.sep, "/")
        return path if path.startswith("../") else "./" + path
    return path


def _many(paths: Union[PathLike, Sequence[PathLike]]) -> List[PathLike]:
    many = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if not many:
        raise ValueError("no paths")
    return many


def _check_on_error(on_error: str) -> None:
    if on_error not in ("raise", "warn"):
        raise ValueError(f'on_error={on_error!r}: want "raise" or "warn"')


def _rev(version: Revision) -> str:
    return version.id if isinstance(version, Version) else version


def _commit(paths: List[str], stdin: Optional[str], *,
            params: Optional[Mapping[str, Any]] = None,
            metrics: Optional[Mapping[str, Any]] = None, description: Optional[str] = None,
            source: Optional[str] = None, meta: Optional[Mapping[str, Any]] = None,
            env: Union[bool, Mapping[str, Any]] = True, author: Optional[str] = None,
            validate: Optional[str] = None, fast: bool = False,
            expect: Optional[Revision] = None) -> Version:
    where, names = _place(*paths)
    args = [*where, "commit", "--json"]
    for flag, value in (("author", author), ("validate", validate),
                        ("expect", None if expect is None else _rev(expect))):
        if value is not None:
            args.append(f"--{flag}={value}")
    if fast:
        args.append("--fast")
    about = dict(meta or {})
    if source and where and not os.path.isabs(source) and os.path.exists(source):
        source = _relative(os.path.abspath(source), where[1])  # so that mstore finds it
    for key, said in (("params", params), ("metrics", metrics), ("message", description),
                      ("source", source)):
        if said:
            about[key] = said
    if env is not False:
        about["env"] = {**_environment(), **(env if isinstance(env, Mapping) else {})}
    with _as_file(about) as file:
        if file:
            args.append(f"--meta={file}")
        args += ["--stdin", f"--as={names[0]}"] if stdin else ["--", *names]
        raw = json.loads(_run(args, stdin))
    version = Version(raw["version"], raw["id"], raw["branch"], raw["created"], raw["models"],
                      raw["quality"], raw)
    if version.created and version.quality["notes"]:
        note = version.quality["notes"][0]
        more = version.quality["errors"] + version.quality["warnings"] - 1
        warnings.warn(f"{note['path']} is saved as {version.version}, but {note['text']}"
                      + (f", and {more} more" if more else ""), MstoreWarning, stacklevel=3)
    return version


def _refused(err: MstoreError, expect: Optional[Revision]) -> bool:
    """Was it meant that there is no version, rather than the save disturbed?"""
    if isinstance(err, InvalidModel):
        return "nothing was committed" in err.message
    return isinstance(err, Conflict) and expect is not None


# ---- metadata -------------------------------------------------------------------------

_LIBRARIES = ("numpy", "scipy", "torch", "tensorflow", "jax", "sklearn", "onnx", "safetensors",
              "transformers")


def _environment() -> Dict[str, Any]:
    """What runs here; of libraries only those that the program has imported."""
    env = {"python_version": platform.python_version(),
           "python_implementation": platform.python_implementation(),
           "platform": platform.platform(),
           "script": os.path.basename((getattr(sys, "argv", None) or [""])[0])}
    for name in _LIBRARIES:
        version = getattr(sys.modules.get(name), "__version__", None)
        if version is not None:
            env[name + "_version"] = str(version)
    return env


@contextlib.contextmanager
def _as_file(about: Dict[str, Any]) -> Iterator[Optional[str]]:
    """Metadata in a temporary file rather than in flags: there a text stays a text."""
    if not about:
        yield None
        return
    fd, name = tempfile.mkstemp(prefix="mstore-", suffix=".json")
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as f:
            json.dump(_plain(about), f)
        yield name
    finally:
        os.unlink(name)


def _plain(value: Any) -> Any:
    """The value as JSON can hold it: NumPy's and torch's numbers are numbers, a loss that is
    not finite is the text "nan" or "inf", and what is nothing of JSON is its str()."""
    if isinstance(value, Mapping):
        return {_plain(str(k)): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if value is None or isinstance(value, (bool, int)):
        return value
    if not isinstance(value, str) and callable(getattr(value, "tolist", None)):
        return _plain(value.tolist())
    return str(value).encode("utf-8", "replace").decode("utf-8")


# ---- files ----------------------------------------------------------------------------

_locks: "weakref.WeakValueDictionary[str, Any]" = weakref.WeakValueDictionary()
_locks_lock = threading.Lock()


def _lock(target: str) -> Any:
    """One lock for each path, so that of two threads the later version is in the file."""
    with _locks_lock:
        lock = _locks.get(target)
        if lock is None:
            lock = _locks[target] = threading.Lock()
        return lock


def _target(path: PathLike) -> str:
    path = os.path.abspath(path)
    return os.path.realpath(path) if os.path.islink(path) else path


# What json.dump gives an encoder.
_DUMP_ARGS: Dict[str, Any] = {
    "skipkeys": False, "ensure_ascii": True, "check_circular": True, "allow_nan": True,
    "indent": None, "separators": None, "default": None, "sort_keys": False}


def _stage(target: str, data: Any, dump_args: Dict[str, Any]) -> str:
    """Write data into a new file beside target, durably, and return its name; mstore passes
    over files of such names. Afterwards either all of it is there, or nothing has changed."""
    cls = dump_args.pop("cls", None) or json.JSONEncoder
    encoder = cls(**{**_DUMP_ARGS, **dump_args})
    if type(encoder).iterencode is json.JSONEncoder.iterencode:
        chunks = encoder.iterencode(data, _one_shot=True)  # the fast one, as in json.dumps
    else:
        chunks = encoder.iterencode(data)
    directory = os.path.dirname(target)
    os.makedirs(directory, exist_ok=True)
    temp = os.path.join(directory, ".mstore-tmp-" + secrets.token_hex(8))
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(fd, "w", encoding="utf-8", newline="\n") as f:
            f.writelines(chunks)
            f.flush()
            os.fsync(f.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temp, stat.S_IMODE(os.stat(target).st_mode))
    except BaseException:
        os.unlink(temp)
        raise
    return temp


def _replace(temp: str, target: str) -> None:
    for pause in (0.01, 0.1, 0.5):
        try:
            os.replace(temp, target)
            break
        except PermissionError:  # on Windows also while somebody reads it
            if os.name != "nt":
                raise
            time.sleep(pause)
    else:
        os.replace(temp, target)
    with contextlib.suppress(OSError):  # not everywhere can directories be synced
        fd = os.open(os.path.dirname(target), os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _newest_good(path: PathLike, version: Optional[Revision], load_args: Dict[str, Any],
                 problem: Exception) -> Tuple[Any, str]:
    """The newest version of path that can be read and is JSON, and its name."""
    last: Exception = problem
    try:
        for doc in log(path, version=version):
            try:
                return json.loads(load_bytes(path, doc["id"]), **load_args), doc["version"]
            except (NotFound, Damaged, ValueError) as err:
                last = err
    except MstoreError as err:
        last = err
    raise problem from (None if last is problem else last)
