"""Tests of mstore.py. MSTORE names the program:

    MSTORE=bin/mstore python3 -m unittest discover -s python
"""

import ast
import contextlib
import functools
import io
import json
import math
import os
import pickle
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import types
import unittest
import warnings

import mstore

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.abspath(os.environ.get("MSTORE") or shutil.which("mstore") or "mstore")
POSIX = unittest.skipIf(os.name == "nt", "only where there are signals and sh")

MODEL = {"format": "oracle", "floats": [0.1, 1e-7, 1.0, -3.5e21, 2.0**-1074],
         "names": ["Dm", "Fá♯", "\u2028"], "none": None, "yes": True, "nested": {"1": [[], {}]}}


class Scalar:
    """As numpy.float32 is: no float, but with tolist."""

    def __init__(self, value):
        self.value = value

    def tolist(self):
        return self.value


Array = Scalar


class NumpyEncoder(json.JSONEncoder):
    def default(self, o):
        if hasattr(o, "tolist"):
            return o.tolist()
        return super().default(o)


class Case(unittest.TestCase):
    """Each test has a directory and a store of its own."""

    def setUp(self):
        for name in ("MSTORE_DIR", "SOURCE_DATE_EPOCH", "MSTORE_AUTHOR"):
            os.environ.pop(name, None)
        os.environ["MSTORE"] = PROGRAM
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="mstore-test-"))
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.was = os.getcwd()
        self.addCleanup(os.chdir, self.was)
        os.chdir(self.dir)
        self.run_mstore("init")
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter("error")

    def run_mstore(self, *args, **kwargs):
        return subprocess.run([PROGRAM, "-q", *args], check=True, stdout=subprocess.PIPE, **kwargs).stdout

    def read(self, path="m.json"):
        with open(path, "rb") as f:
            return f.read()

    def write(self, content, path="m.json"):
        with open(path, "wb") as f:
            f.write(content)

    def script(self, text):
        """A program that stands in for mstore."""
        self.write(("#!/bin/sh\n" + textwrap.dedent(text)).encode(), "stand-in")
        os.chmod("stand-in", 0o755)
        os.environ["MSTORE"] = os.path.abspath("stand-in")

    def child(self, text, **kwargs):
        """Another Python that runs text."""
        env = dict(os.environ, PYTHONPATH=HERE)
        return subprocess.Popen([sys.executable, "-c", textwrap.dedent(text)], env=env, **kwargs)

    def assertNoDebris(self, directory="."):
        left = [n for _, _, names in os.walk(directory) for n in names if n.startswith(".mstore-tmp-")]
        self.assertEqual(left, [])


class SaveAndLoad(Case):
    def test_round_trip(self):
        v = mstore.save_json(MODEL, "m.json")
        self.assertEqual((v.version, v.branch, v.created), ("v1", "main", True))
        self.assertRegex(v.id, "^[0-9a-f]{64}$")
        self.assertEqual([(m["path"], m["status"]) for m in v.models], [("m.json", "added")])
        self.assertEqual(v.raw["id"], v.id)
        self.assertEqual(mstore.load_json("m.json"), MODEL)
        self.assertEqual(mstore.load_json("m.json", "v1"), MODEL)
        self.assertEqual(mstore.load_json("m.json", v), MODEL)
        self.assertEqual(mstore.load_bytes("m.json"), self.read())
        self.assertNoDebris()

    def test_nothing_changed(self):
        first = mstore.save_json(MODEL, "m.json")
        again = mstore.save_json(MODEL, "m.json")
        self.assertFalse(again.created)
        self.assertEqual(again.id, first.id)

    def test_versions(self):
        for n in range(3):
            mstore.save_json({"n": n}, "m.json")
        self.assertEqual([mstore.load_json("m.json", v) for v in ("v1", "v2", "HEAD", "HEAD~2")],
                         [{"n": 0}, {"n": 1}, {"n": 2}, {"n": 0}])

    def test_unsaved_change_on_disk(self):
        mstore.save_json({"n": 1}, "m.json")
        self.write(b'{"n": 2}')
        self.assertEqual(mstore.load_json("m.json"), {"n": 2})

    def test_paths(self):
        os.mkdir("models")
        os.mkdir("elsewhere")
        for path in ("models/a.json", os.path.abspath("b.json"), "models/deep/er/c.json",
                     "-d.json", "models/HEAD", "Größe/Curious child’s ♯.json", "v1",
                     "elsewhere/../e.json"):
            with self.subTest(path):
                mstore.save_json([path], path)
                self.assertEqual(mstore.load_json(path), [path])
                self.assertEqual(mstore.load_json(path, "HEAD"), [path])
                self.assertEqual([d["version"] for d in mstore.log(path)], [f"v{self.count()}"])
                self.assertEqual(mstore.validate(path), [])
        os.chdir("elsewhere")
        mstore.save_json({}, "../models/a.json")
        self.assertEqual(mstore.load_json(os.path.join(self.dir, "models", "a.json"), "HEAD"), {})
        tracked = json.loads(self.run_mstore("ls", "--json"))["models"]
        self.assertIn("Größe/Curious child’s ♯.json", [m["path"] for m in tracked])
        self.assertIn("models/deep/er/c.json", [m["path"] for m in tracked])

    def count(self):
        return len(mstore.log())

    @unittest.skipIf(os.name == "nt", "names with a colon")
    def test_colon_in_path(self):
        mstore.save_json(MODEL, "a:b.json")
        self.assertEqual(mstore.load_json("a:b.json", "v1"), MODEL)

    def test_pathlib(self):
        import pathlib
        path = pathlib.Path("m.json")
        mstore.save_json(MODEL, path)
        self.assertEqual(mstore.load_json(path, "v1"), MODEL)
        self.assertEqual(len(mstore.log(path)), 1)

    def test_outside_of_working_directory(self):
        other = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, other, True)
        os.chdir(other)
        mstore.save_json(MODEL, os.path.join(self.dir, "m.json"))
        self.assertEqual(mstore.load_json(os.path.join(self.dir, "m.json"), "v1"), MODEL)
        self.assertEqual(os.listdir(other), [])

    def test_mstore_dir(self):
        os.environ["MSTORE_DIR"] = os.path.join(self.dir, "apart")
        self.addCleanup(os.environ.pop, "MSTORE_DIR", None)
        os.mkdir("root")
        os.chdir("root")
        self.run_mstore("init")
        for path in ("a/m.json", "b/m.json"):
            mstore.save_json([path], path)
        self.assertEqual(mstore.load_json("a/m.json", "HEAD"), ["a/m.json"])
        self.assertEqual([m["path"] for m in json.loads(self.run_mstore("ls", "--json"))["models"]],
                         ["a/m.json", "b/m.json"])

    def test_unwrap(self):
        wrapped = {"metadata": {"version": "2.0"}, "data": MODEL}
        mstore.save_json(wrapped, "m.json")
        self.assertEqual(mstore.load_json("m.json"), wrapped)
        self.assertEqual(mstore.load_json("m.json", unwrap=True), MODEL)
        self.assertEqual(mstore.load_json("m.json", "v1", unwrap=True), MODEL)
        self.assertEqual(json.loads(mstore.load_bytes("m.json", "v1", unwrap=True)), MODEL)
        mstore.save_json({"data": 1}, "m.json")
        self.assertEqual(mstore.load_json("m.json", unwrap=True), {"data": 1})

    def test_load_arguments(self):
        mstore.save_json({"a": {"b": 0.5}}, "m.json")
        for version in (None, "v1"):
            data = mstore.load_json("m.json", version, object_hook=lambda d: tuple(d.items()))
            self.assertEqual(data, (("a", (("b", 0.5),)),))
            self.assertEqual(mstore.load_json("m.json", version, parse_float=str)["a"]["b"], "0.5")

    @POSIX
    def test_permissions_and_links(self):
        self.write(b"{}")
        os.chmod("m.json", 0o640)
        os.symlink("m.json", "latest.json")
        mstore.save_json(MODEL, "latest.json")
        self.assertTrue(os.path.islink("latest.json"))
        self.assertEqual(mstore.load_json("m.json"), MODEL)
        self.assertEqual(mstore.load_json("latest.json", "v1"), MODEL)
        self.assertEqual(stat.S_IMODE(os.stat("m.json").st_mode), 0o640)
        umask = os.umask(0o027)
        self.addCleanup(os.umask, umask)
        mstore.save_json(MODEL, "new.json")
        self.assertEqual(stat.S_IMODE(os.stat("new.json").st_mode), 0o640)


class DropIn(Case):
    """The bytes are those that json.dump writes."""

    def dumped(self, data, **kwargs):
        f = io.StringIO()
        json.dump(data, f, **kwargs)
        return f.getvalue().encode()

    def same(self, data, **kwargs):
        mstore.save_json(data, "m.json", validate="off", **kwargs)
        self.assertEqual(self.read(), self.dumped(data, **kwargs))
        self.assertEqual(mstore.load_bytes("m.json"), self.read())

    def test_arguments(self):
        for kwargs in ({}, {"indent": 2}, {"indent": "\t"}, {"indent": 0}, {"ensure_ascii": False},
                       {"separators": (",", ":")}, {"sort_keys": True}, {"allow_nan": False},
                       {"indent": 2, "sort_keys": True, "ensure_ascii": False},
                       {"check_circular": False}):
            with self.subTest(kwargs):
                self.same(MODEL, **kwargs)
        self.same({"a": 1, (2, 3): 4}, skipkeys=True)
        self.same({1: {None: 0.1, True: "x"}, 2.5: []})

    def test_scalars(self):
        for data in ("text", "Fá♯", 1, 0.1, None, True, [], {}, (1, 2), 10**30):
            with self.subTest(data):
                self.same(data)

    def test_encoders(self):
        class Both(NumpyEncoder):
            def __init__(self, *, skipkeys, ensure_ascii, check_circular, allow_nan, indent,
                         separators, default, sort_keys, digits=3):
                super().__init__(skipkeys=skipkeys, ensure_ascii=ensure_ascii,
                                 check_circular=check_circular, allow_nan=allow_nan,
                                 indent=indent, separators=separators, default=default,
                                 sort_keys=sort_keys)
                self.digits = digits

            def encode(self, o):
                raise AssertionError("json.dump does not call encode")

            def iterencode(self, o):
                return super().iterencode(self.rounded(o))

            def rounded(self, o):
                if isinstance(o, Scalar):
                    o = o.tolist()
                if isinstance(o, float):
                    return round(o, self.digits)
                return [self.rounded(x) for x in o] if isinstance(o, list) else o

        data = [Array([0.12345, Scalar(2.0)]), Scalar(7), {"x": Scalar("text")}]
        self.same(data, cls=NumpyEncoder)
        self.same(data, cls=NumpyEncoder, indent=2)
        self.same(data, default=lambda o: o.tolist())
        self.same(data, cls=functools.partial(NumpyEncoder))
        self.same([Array([0.12345, 3.0])], cls=Both)
        self.same([Array([0.12345, 3.0])], cls=Both, digits=1)

    def test_random_documents(self):
        seed = int(os.environ.get("MSTORE_TEST_SEED") or time.time_ns())
        rng = random.Random(seed)

        def value(depth):
            kind = rng.randrange(9 if depth else 6)
            if kind < 2:
                return rng.choice([rng.uniform(-1, 1), rng.gauss(0, 1e30), 1e-320, float(rng.randrange(9))])
            if kind == 2:
                return rng.randrange(-10**rng.randrange(1, 25), 10**12)
            if kind == 3:
                return "".join(chr(rng.choice([rng.randrange(128), rng.randrange(0x2000, 0x2100),
                                               rng.randrange(0x1F300, 0x1F400)])) for _ in range(rng.randrange(9)))
            if kind < 6:
                return rng.choice([None, True, False, "", [], {}])
            if kind < 8:
                return [value(depth - 1) for _ in range(rng.randrange(6))]
            return {rng.choice("abcdeé♯") * rng.randrange(4): value(depth - 1) for _ in range(rng.randrange(6))}

        for n in range(10):
            with self.subTest(seed=seed, n=n):
                self.same(value(6), indent=rng.choice([None, 2]), ensure_ascii=rng.random() < 0.5)

    def test_nan_is_written_and_reported(self):
        data = [math.nan, math.inf, -math.inf]
        with self.assertWarnsRegex(mstore.MstoreWarning, "m.json is saved as v1, but .*NaN"):
            v = mstore.save_json(data, "m.json")
        self.assertEqual(self.read(), b"[NaN, Infinity, -Infinity]")
        self.assertEqual(v.quality["errors"], 1)
        self.assertTrue(math.isnan(mstore.load_json("m.json", "v1")[0]))
        with self.assertRaises(ValueError):
            mstore.save_json(data, "m.json", allow_nan=False)
        self.assertEqual(self.read(), b"[NaN, Infinity, -Infinity]")

    def test_what_cannot_be_serialised_changes_nothing(self):
        mstore.save_json(MODEL, "m.json")
        before = self.read()
        circle = []
        circle.append(circle)
        for data, kwargs, error in ((object(), {}, TypeError), ([1] * 5000 + [{1, 2}], {}, TypeError),
                                    (circle, {}, ValueError), (["\ud800"], {"ensure_ascii": False}, ValueError),
                                    ({}, {"metric": {}}, TypeError)):
            for indent in (None, 2):
                with self.assertRaises(error):
                    mstore.save_json(data, "m.json", indent=indent, **kwargs)
                self.assertEqual(self.read(), before)
        self.assertEqual(len(mstore.log()), 1)
        self.assertNoDebris()


class Metadata(Case):
    def last(self):
        return json.loads(self.run_mstore("show", "--json"))

    def test_types(self):
        params = {"n": 3, "lr": 3e-4, "s": "0.1", "t": "true", "v": "v1", "yes": True, "no": False,
                  "big": 10**15, "text": "zwölf Töne = 12\n-x", "empty": "", "opt": {"beta": 0.9},
                  "layers": [64, 32], "f32": Scalar(0.5), "arr": Array([1, 2]), "none": None,
                  "path": types.SimpleNamespace(a=1)}
        v = mstore.save_json(MODEL, "m.json", params=params, metrics={"loss": Scalar(0.25), "n": 0},
                             description="after 200 events", source="take 5", author="ada",
                             meta={"gpu": "A100", "note": {"x": 1}})
        got = v.raw["params"]
        self.assertEqual(got["n"], 3)
        for key in ("n", "lr", "s", "t", "v", "yes", "no", "big", "text", "empty"):
            with self.subTest(key):
                self.assertEqual((got[key], type(got[key])), (params[key], type(params[key])))
        self.assertEqual(got["opt.beta"], 0.9)
        self.assertEqual(json.loads(got["layers"]), [64, 32])
        self.assertEqual(got["f32"], 0.5)
        self.assertEqual(json.loads(got["arr"]), [1, 2])
        self.assertEqual(got["path"], "namespace(a=1)")
        self.assertNotIn("none", got)
        self.assertEqual(v.raw["metrics"], {"loss": 0.25, "n": 0})
        self.assertEqual((v.raw["message"], v.raw["source"], v.raw["author"]),
                         ("after 200 events", "take 5", "ada"))
        self.assertEqual((v.raw["meta"]["gpu"], v.raw["meta"]["note.x"]), ("A100", 1))
        self.assertEqual(self.last()["params"], got)

    def test_not_finite(self):
        v = mstore.save_json(MODEL, "m.json", metrics={"a": math.nan, "b": -math.inf, "c": [math.inf]})
        self.assertEqual(v.raw["metrics"]["a"], "nan")
        self.assertEqual(v.raw["metrics"]["b"], "-inf")

    def test_text_that_is_no_unicode(self):
        v = mstore.save_json(MODEL, "m.json", params={"file": "caf\udce9"}, description="\udce9")
        self.assertEqual(v.raw["params"], {"file": "caf?"})

    def test_environment(self):
        fake = types.ModuleType("numpy")
        fake.__version__ = "1.26.4"
        had = {n: sys.modules.pop(n, None) for n in ("numpy", "torch")}
        sys.modules["numpy"] = fake
        try:
            v = mstore.save_json(MODEL, "m.json")
        finally:
            del sys.modules["numpy"]
            sys.modules.update({n: m for n, m in had.items() if m is not None})
        meta = v.raw["meta"]
        self.assertEqual(meta["env.python_version"], sys.version.split()[0])
        self.assertEqual(meta["env.numpy_version"], "1.26.4")
        self.assertIn("env.platform", meta)
        self.assertIn("env.script", meta)
        self.assertNotIn("env.torch_version", meta)
        self.assertNotIn("torch", sys.modules)

    def test_environment_off_or_more(self):
        v = mstore.save_json([1], "m.json", env=False)
        self.assertEqual([k for k in v.raw["meta"] if k.startswith("env.")], [])
        v = mstore.save_json([2], "m.json", env={"cuda": 12.1})
        self.assertEqual(v.raw["meta"]["env.cuda"], 12.1)
        self.assertIn("env.python_version", v.raw["meta"])

    def test_source_that_is_a_file(self):
        self.write(b"RIFF", "take.wav")
        v = mstore.save_json(MODEL, "models/m.json", source="take.wav")
        self.assertEqual(v.raw["meta"]["source.size"], 4)
        self.assertEqual(v.raw["source"], "../take.wav")

    def test_no_temporary_files_stay(self):
        temp = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, temp, True)
        was, tempfile.tempdir = tempfile.tempdir, temp
        try:
            mstore.save_json(MODEL, "m.json", params={"a": 1})
            with self.assertRaises(mstore.UsageError):
                mstore.save_json(MODEL, "m.json", params={"a": 1}, validate="perhaps")
        finally:
            tempfile.tempdir = was
        self.assertEqual(os.listdir(temp), [])


class Refused(Case):
    def refuse(self, error, **kwargs):
        with self.assertRaises(error) as caught:
            mstore.save_json([math.nan], "m.json", **kwargs)
        return caught.exception

    def test_strict(self):
        mstore.save_json(MODEL, "m.json")
        before = self.read()
        err = self.refuse(mstore.InvalidModel, validate="strict", on_error="warn")
        self.assertEqual(err.code, 1)
        self.assertRegex(err.message, r"quarantine/\w+")
        self.assertIn("NaN", err.message)
        self.assertEqual(self.read(), before)
        self.assertEqual(len(mstore.log()), 1)
        name = [w.strip(".,;") for w in err.message.split() if w.startswith("quarantine/")][0]
        self.assertEqual(mstore.load_bytes("m.json", name), b"[NaN]")
        self.assertEqual(sorted(os.listdir(".")), [".mstore", "m.json"])

    def test_strict_by_setting(self):
        self.run_mstore("config", "validate.*.json", "strict")
        self.refuse(mstore.InvalidModel)
        self.assertFalse(os.path.exists("m.json"))
        mstore.save_json([1], "m.json")
        self.assertEqual(self.refuse(mstore.InvalidModel).code, 1)
        self.assertEqual(self.read(), b"[1]")
        with self.assertWarns(mstore.MstoreWarning):
            self.assertEqual(mstore.save_json([math.nan], "m.json", validate="warn").version, "v2")

    @POSIX
    def test_hook(self):
        mstore.save_json([1], "m.json")
        os.makedirs(".mstore/hooks", exist_ok=True)
        self.write(b"#!/bin/sh\necho 'no saves on Sundays' >&2\nexit 1\n", ".mstore/hooks/pre-commit")
        os.chmod(".mstore/hooks/pre-commit", 0o755)
        with self.assertRaisesRegex(mstore.InvalidModel, "no saves on Sundays") as caught:
            mstore.save_json([2], "m.json", on_error="warn")
        self.assertEqual(self.read(), b"[1]")
        if "quarantine/" not in caught.exception.message:
            self.assertIn("m.json.refused", caught.exception.message)
            self.assertEqual(self.read("m.json.refused"), b"[2]")
        self.assertEqual(len(mstore.log()), 1)

    def test_expect(self):
        first = mstore.save_json([1], "m.json")
        second = mstore.save_json([2], "m.json", expect=first)
        self.assertEqual(second.version, "v2")
        for expect in (first, "v1"):
            with self.assertRaises(mstore.Conflict) as caught:
                mstore.save_json([3], "m.json", expect=expect, on_error="warn")
            self.assertEqual(caught.exception.code, 5)
            self.assertIn("m.json.refused", str(caught.exception))
        self.assertEqual(self.read(), b"[2]")
        self.assertEqual(self.read("m.json.refused"), b"[3]")
        self.assertEqual(len(mstore.log()), 2)

    def test_bad_setting_of_on_error(self):
        with self.assertRaises(ValueError):
            mstore.save_json([1], "m.json", on_error="ignore")
        self.assertFalse(os.path.exists("m.json"))


class Disturbed(Case):
    """Whatever happens to the store, the result of a training is in its file."""

    def check(self, error, code, path="m.json", **kwargs):
        with self.assertRaises(error) as caught:
            mstore.save_json([1], path, **kwargs)
        self.assertEqual(type(caught.exception), error)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(self.read(path), b"[1]")
        with self.assertWarnsRegex(mstore.MstoreWarning, "was written, but is no version"):
            self.assertIsNone(mstore.save_json([2], path, on_error="warn", **kwargs))
        self.assertEqual(self.read(path), b"[2]")
        self.assertNoDebris(os.path.dirname(path) or ".")
        return caught.exception

    def test_no_program(self):
        os.environ["MSTORE"] = os.path.abspath("no-such-program")
        self.check(mstore.MstoreError, None)
        del os.environ["MSTORE"]
        path, os.environ["PATH"] = os.environ["PATH"], self.dir
        here, mstore.__file__ = mstore.__file__, os.path.join(self.dir, "python", "mstore.py")
        try:
            self.assertIn("MSTORE", str(self.check(mstore.MstoreError, None)))
        finally:
            os.environ["PATH"], mstore.__file__ = path, here

    def test_program_beside_the_module(self):
        del os.environ["MSTORE"]
        path, os.environ["PATH"] = os.environ["PATH"], self.dir
        here, mstore.__file__ = mstore.__file__, os.path.join(self.dir, "python", "mstore.py")
        os.mkdir("bin")
        shutil.copy(PROGRAM, "bin")
        try:
            self.assertEqual(mstore.save_json([1], "m.json").version, "v1")
        finally:
            os.environ["PATH"], mstore.__file__ = path, here

    def test_no_store(self):
        shutil.rmtree(".mstore")
        self.check(mstore.NotFound, 3)

    def test_directory_that_is_missing(self):
        shutil.rmtree(".mstore")
        self.check(mstore.NotFound, 3, os.path.join("not", "there", "m.json"))

    def test_usage(self):
        self.check(mstore.UsageError, 2, validate="perhaps")

    def test_meta_that_cannot_be_written(self):
        was, tempfile.tempdir = tempfile.tempdir, os.path.join(self.dir, "nowhere")
        try:
            with self.assertRaises(FileNotFoundError):
                mstore.save_json([1], "m.json")
            self.assertEqual(self.read(), b"[1]")
        finally:
            tempfile.tempdir = was

    @POSIX
    def test_program_that_fails(self):
        for code, error in ((1, mstore.InvalidModel), (4, mstore.Damaged), (5, mstore.Conflict),
                            (130, mstore.MstoreError), (7, mstore.MstoreError)):
            with self.subTest(code):
                self.script(f"""
                    echo 'warning: something else' >&2
                    echo '{{"error":"the disk is full","code":{code}}}' >&2
                    exit {code}""")
                err = self.check(error, code)
                self.assertEqual(err.message, "the disk is full\nwarning: something else")
                self.assertEqual(err.command[0], os.environ["MSTORE"])

    @POSIX
    def test_program_that_crashes(self):
        self.script("kill -9 $$")
        self.check(mstore.MstoreError, -9)
        self.script("echo 'goroutine 1 [running]' >&2; exit 2")
        self.assertEqual(self.check(mstore.UsageError, 2).message, "goroutine 1 [running]")

    @POSIX
    def test_warnings_of_the_program(self):
        self.script(f"""echo 'warning: the clock is ahead' >&2; exec '{PROGRAM}' "$@" """)
        with self.assertWarnsRegex(mstore.MstoreWarning, "clock is ahead"):
            self.assertEqual(mstore.save_json([1], "m.json").version, "v1")

    @POSIX
    @unittest.skipIf(hasattr(os, "geteuid") and os.geteuid() == 0, "root may write everywhere")
    def test_read_only_directory(self):
        self.write(b"[0]")
        os.chmod(".", 0o555)
        self.addCleanup(os.chmod, self.dir, 0o755)
        with self.assertRaises(PermissionError):
            mstore.save_json([1], "m.json")
        self.assertEqual(self.read(), b"[0]")

    def test_file_that_cannot_be_replaced(self):
        os.mkdir("m.json")
        with self.assertRaises((OSError, mstore.MstoreError)):
            mstore.save_json([1], "m.json")
        self.assertTrue(os.path.isdir("m.json"))


class Fallback(Case):
    def setUp(self):
        super().setUp()
        for n in (1, 2):
            mstore.save_json({"n": n}, "m.json")

    def load(self, n, version=None, why=""):
        with self.assertWarnsRegex(mstore.MstoreWarning, f"v{n} was loaded instead.*{why}"):
            self.assertEqual(mstore.load_json("m.json", version, fallback=True), {"n": n})

    def test_not_needed(self):
        self.assertEqual(mstore.load_json("m.json", fallback=True), {"n": 2})
        self.assertEqual(mstore.load_json("m.json", "v1", fallback=True), {"n": 1})

    def test_broken_file(self):
        for content in (b"", b'{"n": ', b'{"n": 2}}', b"\xff\xfe\x00", b'{"n": "\xff"}', b"\x00" * 50):
            with self.subTest(content):
                self.write(content)
                with self.assertRaises(ValueError):
                    mstore.load_json("m.json")
                self.load(2)

    def test_missing_file(self):
        os.unlink("m.json")
        with self.assertRaises(FileNotFoundError):
            mstore.load_json("m.json")
        self.load(2, why="No such file")

    def test_newest_version_is_broken_too(self):
        self.write(b'{"n": ')
        self.run_mstore("commit", "m.json")
        self.load(2)
        self.load(2, "v3")
        with self.assertRaises(json.JSONDecodeError):
            mstore.load_json("m.json", "v3")

    def test_model_was_removed(self):
        os.unlink("m.json")
        self.run_mstore("commit", "m.json")
        self.load(2)

    def test_damaged_version(self):
        self.run_mstore("config", "store.parity", "off")
        before = self.packs()
        mstore.save_json({"n": 3, "pad": random.Random(1).random()}, "m.json")
        for file in self.packs() - before:
            os.chmod(file, 0o644)
            self.write(bytes(os.path.getsize(file)), file)
        self.write(b"")
        with self.assertRaises(mstore.Damaged) as caught:
            mstore.load_bytes("m.json")
        self.assertEqual(caught.exception.code, 4)
        self.load(2)
        self.load(2, "HEAD")

    def packs(self):
        return {os.path.join(d, n) for d, _, names in os.walk(".mstore/objects") for n in names}

    def test_nothing_to_fall_back_on(self):
        with self.assertRaises(FileNotFoundError) as caught:
            mstore.load_json("other.json", fallback=True)
        self.assertIsInstance(caught.exception.__cause__, mstore.NotFound)
        os.environ["MSTORE"] = "no-such-program"
        self.write(b"")
        with self.assertRaises(ValueError) as caught:
            mstore.load_json("m.json", fallback=True)
        self.assertIsInstance(caught.exception.__cause__, mstore.MstoreError)
        with self.assertRaises(mstore.MstoreError):
            mstore.load_json("m.json", "v1", fallback=True)

    def test_no_such_version(self):
        with self.assertRaises(mstore.NotFound):
            mstore.load_json("m.json", "v77")
        with self.assertRaises(mstore.NotFound):
            mstore.load_json("m.json", "v77", fallback=True)


class Others(Case):
    def test_save_file(self):
        content = bytes(range(256)) * 100
        self.write(content, "net.pt")
        v = mstore.save_file("net.pt", params={"lr": 0.1}, description="net", env={"cuda": "12"})
        self.assertEqual((v.version, v.raw["params"], v.raw["message"]), ("v1", {"lr": 0.1}, "net"))
        self.assertEqual(v.raw["meta"]["env.cuda"], "12")
        self.assertEqual(mstore.load_bytes("net.pt", "v1"), content)

    def test_save_several_files(self):
        os.makedirs("a/deep")
        for path in ("a/x.bin", "a/deep/y.bin", "z.bin"):
            self.write(path.encode(), path)
        v = mstore.save_file(["a/deep/y.bin", os.path.abspath("z.bin"), "a"])
        self.assertEqual(sorted(m["path"] for m in v.models), ["a/deep/y.bin", "a/x.bin", "z.bin"])

    def test_save_file_fails(self):
        with self.assertRaises(mstore.NotFound):
            mstore.save_file("nothing.pt")
        with self.assertWarnsRegex(mstore.MstoreWarning, "no version was made"):
            self.assertIsNone(mstore.save_file("nothing.pt", on_error="warn"))
        with self.assertRaises(ValueError):
            mstore.save_file([])
        with self.assertRaises(TypeError):
            mstore.save_file("nothing.pt", indent=2)

    def test_log(self):
        self.assertEqual(mstore.log(), [])
        for n in range(4):
            mstore.save_json({"n": n}, "m.json", metrics={"loss": 1 / (n + 1)})
        mstore.save_json({}, "other.json")
        self.assertEqual([d["version"] for d in mstore.log()], ["v5", "v4", "v3", "v2", "v1"])
        self.assertEqual([d["version"] for d in mstore.log("m.json")], ["v4", "v3", "v2", "v1"])
        self.assertEqual([d["version"] for d in mstore.log("m.json", n=2)], ["v4", "v3"])
        self.assertEqual([d["version"] for d in mstore.log("m.json", version="v2")], ["v2", "v1"])
        good = mstore.log("m.json", where="metrics.loss < 0.4")
        self.assertEqual([d["metrics"]["loss"] for d in good], [0.25, 1 / 3])
        with self.assertRaises(mstore.NotFound):
            mstore.log("never.json")
        with self.assertRaises(mstore.UsageError):
            mstore.log("m.json", where="nonsense <")

    def test_checkout(self):
        first = mstore.save_json([1], "a/m.json")
        mstore.save_json([2], "a/m.json")
        mstore.save_json([3], "n.json")
        self.write(b"unsaved", "a/m.json")
        done = mstore.checkout(first, "a/m.json")
        self.assertEqual((done["written"], self.read("a/m.json")), (1, b"[1]"))
        self.assertEqual(mstore.load_bytes("a/m.json", done["safety"]["name"]), b"unsaved")
        self.assertEqual(mstore.checkout("HEAD", output="out")["written"], 2)
        self.assertEqual(self.read("out/a/m.json"), b"[2]")
        mstore.checkout("HEAD")
        self.assertEqual(self.read("a/m.json"), b"[2]")

    def test_validate(self):
        self.write(b'{"a": NaN}')
        found = mstore.validate("m.json")
        self.assertEqual([f["severity"] for f in found], ["error"])
        self.assertEqual((found[0]["line"], found[0]["column"]), (1, 7))
        self.write(b'{"a": 1}')
        self.assertEqual(mstore.validate("m.json"), [])
        self.assertEqual(mstore.log(), [])
        mstore.save_json({}, "v1")
        os.unlink("v1")
        with self.assertRaises(FileNotFoundError):
            mstore.validate("v1")

    def test_errors(self):
        for code, error in ((1, mstore.InvalidModel), (2, mstore.UsageError), (3, mstore.NotFound),
                            (4, mstore.Damaged), (5, mstore.Conflict)):
            self.assertTrue(issubclass(error, mstore.MstoreError))
            err = error(code, "why", ["mstore", "log"])
            again = pickle.loads(pickle.dumps(err))
            self.assertEqual((type(again), again.code, again.message, again.command),
                             (error, code, "why", ["mstore", "log"]))
            self.assertEqual(str(err), "why")

    def test_syntax_of_3_9(self):
        with open(mstore.__file__, encoding="utf-8") as f:
            ast.parse(f.read(), feature_version=(3, 9))

    def test_only_the_standard_library(self):
        allowed = getattr(sys, "stdlib_module_names", None)
        if allowed is None:
            self.skipTest("this Python has no list of its modules")
        with open(mstore.__file__, encoding="utf-8") as f:
            tree = ast.parse(f.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self.assertTrue({a.name.split(".")[0] for a in node.names} <= allowed)
            if isinstance(node, ast.ImportFrom):
                self.assertIn(node.module.split(".")[0], allowed)


class Together(Case):
    """Threads, processes, and the end of one at any moment."""

    def test_threads(self):
        threads, each = 4, 4
        failed, made = [], []

        def work(i):
            try:
                for n in range(each):
                    made.append(mstore.save_json({"i": i, "n": n, "pad": "x" * 1000}, "m.json"))
                    mstore.save_json({"n": n}, f"own{i}.json")
                    mstore.load_json("m.json")
            except BaseException as err:
                failed.append(err)

        running = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
        for t in running:
            t.start()
        for t in running:
            t.join()
        self.assertEqual(failed, [])
        self.assertEqual(len({v.id for v in made}), threads * each)
        self.assertEqual(len(mstore.log("m.json")), threads * each)
        self.assertEqual(len(mstore.log()), 2 * threads * each)
        # The file is the newest version, not that of the thread which came last.
        self.assertEqual(self.read(), mstore.load_bytes("m.json"))
        self.assertNoDebris()

    def test_processes(self):
        text = """
            import mstore, sys, warnings
            warnings.simplefilter("ignore", mstore.MstoreWarning)  # saved by somebody else meanwhile
            for n in range(5):
                mstore.save_json({"who": sys.argv[1], "n": n}, "m.json")
        """
        env = dict(os.environ, PYTHONPATH=HERE)
        running = [subprocess.Popen([sys.executable, "-c", textwrap.dedent(text), str(i)], env=env)
                   for i in range(3)]
        self.assertEqual([p.wait() for p in running], [0, 0, 0])
        self.assertEqual(len(mstore.log("m.json")), 15)
        mstore.load_json("m.json")
        self.assertNoDebris()

    @POSIX
    def test_killed_at_any_moment(self):
        seed = int(os.environ.get("MSTORE_TEST_SEED") or time.time_ns())
        rng = random.Random(seed)
        mstore.save_json({"n": -1, "end": True}, "m.json")
        for n in range(6):
            p = self.child(f"""
                import mstore
                n = {n * 1000}
                while True:
                    mstore.save_json({{"n": n, "pad": [i / 7 for i in range(30000)], "end": True}}, "m.json")
                    n += 1
            """)
            time.sleep(0.2 + rng.random() / 2)
            p.send_signal(signal.SIGKILL)
            p.wait()
            with self.subTest(seed=seed, n=n):
                self.assertTrue(mstore.load_json("m.json")["end"])
        self.settle()
        for doc in mstore.log("m.json"):
            self.assertTrue(mstore.load_json("m.json", doc["id"])["end"])
        self.run_mstore("fsck")

    def settle(self):
        """Wait until no mstore that a killed process has started is at work."""
        count = -1
        while count != (count := len(mstore.log())):
            time.sleep(0.5)

    @POSIX
    def test_killed_while_the_program_runs(self):
        """The model that mstore gets is whole, though the one who gave it is no more."""
        mstore.save_json([0], "m.json")
        self.script(f"""
            : >started
            while [ ! -e go ]; do sleep 0.02; done
            exec '{PROGRAM}' "$@"
        """)
        p = self.child("""
            import mstore
            mstore.save_json(list(range(200000)), "m.json", env=False)
        """)
        while not os.path.exists("started"):
            self.assertIsNone(p.poll())
            time.sleep(0.02)
        p.send_signal(signal.SIGKILL)
        p.wait()
        self.assertEqual(self.read(), b"[0]")
        self.write(b"", "go")
        os.environ["MSTORE"] = PROGRAM
        for _ in range(250):
            if len(mstore.log()) == 2:
                break
            time.sleep(0.04)
        self.assertEqual(mstore.load_json("m.json", "v2"), list(range(200000)))
        self.assertEqual(self.read(), b"[0]")
        # What the killed one left is not taken for a model.
        self.run_mstore("commit", ".")
        names = [m["path"] for m in json.loads(self.run_mstore("ls", "--json"))["models"]]
        self.assertEqual([n for n in names if "tmp" in n], [])

    @POSIX
    def test_interrupted(self):
        """Ctrl-C while mstore is at work: the file is written."""
        self.script(": >started; exec sleep 60")
        p = self.child("""
            import mstore, signal
            signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
            try:
                mstore.save_json([1], "m.json")
            except KeyboardInterrupt:
                raise SystemExit(99)
        """, start_new_session=True)
        while not os.path.exists("started"):
            self.assertIsNone(p.poll())
            time.sleep(0.02)
        os.killpg(p.pid, signal.SIGINT)
        self.assertEqual(p.wait(), 99)
        self.assertEqual(self.read(), b"[1]")
        self.assertNoDebris()


if __name__ == "__main__":
    unittest.main()
