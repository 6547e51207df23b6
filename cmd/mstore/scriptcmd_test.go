//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdJSON is "[!] json FILE PATH VALUE": in FILE (or stdout, stderr), which holds
// JSON documents, the value at PATH is VALUE. PATH is such as .models[0].path;
// .models.len is a length; @2.version looks into the third document, and "@len"
// is their number. A VALUE between slashes is a regular expression; a value that
// is not a string is compared as compact JSON.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json file path value")
	}
	got, err := lookup(ts.ReadFile(args[0]), args[1])
	if err != nil {
		if neg {
			return
		}
		ts.Fatalf("%s: %v", args[1], err)
	}
	same := got == args[2]
	if n := len(args[2]); n > 1 && args[2][0] == '/' && args[2][n-1] == '/' {
		same = regexp.MustCompile(args[2][1 : n-1]).MatchString(got)
	}
	if same == neg {
		ts.Fatalf("%s is %s", args[1], got)
	}
}

// cmdSet is "set NAME FILE PATH": the environment variable NAME becomes the value
// at PATH of a JSON document, or its first N characters with PATH|N.
func cmdSet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: set name file path")
	}
	path, n, cut := strings.Cut(args[2], "|")
	got, err := lookup(ts.ReadFile(args[1]), path)
	ts.Check(err)
	if cut {
		length, err := strconv.Atoi(n)
		ts.Check(err)
		got = got[:length]
	}
	ts.Setenv(args[0], got)
}

func lookup(text, path string) (string, error) {
	var docs []any
	for dec := json.NewDecoder(strings.NewReader(text)); ; {
		dec.UseNumber()
		var doc any
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		docs = append(docs, doc)
	}
	if path == "@len" {
		return strconv.Itoa(len(docs)), nil
	}
	at := 0
	if rest, ok := strings.CutPrefix(path, "@"); ok {
		i := strings.IndexAny(rest, ".[")
		var err error
		if at, err = strconv.Atoi(rest[:i]); err != nil {
			return "", err
		}
		path = rest[i:]
	}
	if at >= len(docs) {
		return "", fmt.Errorf("%d documents", len(docs))
	}
	v := docs[at]
	for _, step := range regexp.MustCompile(`\.[^.\[]+|\[\d+\]`).FindAllString(path, -1) {
		list, _ := v.([]any)
		object, _ := v.(map[string]any)
		switch {
		case step[0] == '[':
			i, _ := strconv.Atoi(step[1 : len(step)-1])
			if i >= len(list) {
				return "", fmt.Errorf("%s: %d elements", step, len(list))
			}
			v = list[i]
		case step == ".len" && object == nil:
			v = json.Number(strconv.Itoa(len(list)))
		default:
			var ok bool
			if v, ok = object[step[1:]]; !ok {
				return "", fmt.Errorf("no %s", step)
			}
		}
	}
	if s, ok := v.(string); ok {
		return s, nil
	}
	var b bytes.Buffer
	err := writeJSON(&b, v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// cmdFlipByte is "flipbyte FILE OFFSET": all bits of one byte; N% is a place.
func cmdFlipByte(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: flipbyte file offset")
	}
	flip(ts, ts.MkAbs(args[0]), args[1])
}

func flip(ts *testscript.TestScript, file, offset string) {
	b, err := os.ReadFile(file)
	ts.Check(err)
	percent, isPercent := strings.CutSuffix(offset, "%")
	n, err := strconv.Atoi(percent)
	ts.Check(err)
	if isPercent {
		n = len(b) * n / 100
	}
	b[n] ^= 0xff
	ts.Check(os.Chmod(file, 0o644))
	ts.Check(os.WriteFile(file, b, 0o644))
}

// cmdTruncate is "truncate FILE N".
func cmdTruncate(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: truncate file length")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// cmdRandom is "random FILE SEED LENGTH": bytes that no compressor likes.
func cmdRandom(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: random file seed length")
	}
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	b := make([]byte, n)
	var seed [32]byte
	copy(seed[:], args[1])
	rand.NewChaCha8(seed).Read(b)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// cmdAppend is "append FILE TEXT".
func cmdAppend(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	ts.Check(err)
	_, err = f.WriteString(args[1])
	ts.Check(errors.Join(err, f.Close()))
}

// filesBelow lists the files below dir.
func filesBelow(ts *testscript.TestScript, dir string) (files []string) {
	ts.Check(filepath.WalkDir(ts.MkAbs(dir), func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, p)
		}
		return err
	}))
	return files
}

// cmdRemember is "remember DIR": what is there now, damage DIR leaves alone.
func cmdRemember(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv("REMEMBERED", strings.Join(filesBelow(ts, args[0]), "\n"))
}

// cmdDamage is "damage DIR OFFSET": flips a byte in each file below DIR that has
// come since remember; without remember in each file. "damage DIR cut" cuts them off.
func cmdDamage(ts *testscript.TestScript, _ bool, args []string) {
	old := strings.Split(ts.Getenv("REMEMBERED"), "\n")
	n := 0
	for _, f := range filesBelow(ts, args[0]) {
		if !slices.Contains(old, f) {
			if args[1] == "cut" {
				ts.Check(os.Truncate(f, 100))
			} else {
				flip(ts, f, args[1])
			}
			n++
		}
	}
	if n == 0 {
		ts.Fatalf("no file to damage below %s", args[0])
	}
}

// cmdWeird is "weird NAME TEXT": a file whose name is a Go string without its
// quotes, such as 'a\nb'.
func cmdWeird(ts *testscript.TestScript, _ bool, args []string) {
	name, err := strconv.Unquote(`"` + args[0] + `"`)
	ts.Check(err)
	if err := os.WriteFile(ts.MkAbs(name), []byte(args[1]), 0o644); err != nil {
		ts.Logf("this file system does not take the name: %v", err)
	}
	ts.Setenv("WEIRD", name)
}

// cmdMkfifo is "mkfifo FILE".
func cmdMkfifo(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(syscall.Mkfifo(ts.MkAbs(args[0]), 0o644))
}

// cmdMksocket is "mksocket FILE".
func cmdMksocket(ts *testscript.TestScript, _ bool, args []string) {
	// The whole path may be too long for a socket's name.
	dir, err := os.MkdirTemp("", "sock")
	ts.Check(err)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	ts.Check(err)
	l.SetUnlinkOnClose(false)
	ts.Check(os.Rename(filepath.Join(dir, "s"), ts.MkAbs(args[0])))
	ts.Defer(func() { l.Close(); os.RemoveAll(dir) })
}

// cmdListing is "listing FILE DIR": writes the names and sizes of all files below
// DIR into FILE, to compare with a later listing.
func cmdListing(ts *testscript.TestScript, _ bool, args []string) {
	var b strings.Builder
	for _, f := range filesBelow(ts, args[1]) {
		fi, err := os.Stat(f)
		ts.Check(err)
		fmt.Fprintf(&b, "%s %d\n", f, fi.Size())
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o644))
}
