package main

import (
	"bufio"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

// manifest is a list of checksums, as b3sum and md5sum print it.
type manifest struct {
	md5    bool
	blake3 map[string]string // hex, by path
	sums   map[string]string // MD5
}

func newManifest(withMD5 bool) *manifest {
	return &manifest{withMD5, map[string]string{}, map[string]string{}}
}

func (m *manifest) empty() bool { return len(m.blake3) == 0 }

func (m *manifest) addFile(ctx context.Context, name, file string) error {
	b3 := objects.NewHasher()
	hashes := []hash.Hash{b3}
	if m.md5 {
		hashes = append(hashes, md5.New())
	}
	if err := hashFile(ctx, file, hashes); err != nil {
		return err
	}
	m.blake3[name] = hex.EncodeToString(b3.Sum(nil))
	if m.md5 {
		m.sums[name] = hex.EncodeToString(hashes[1].Sum(nil))
	}
	return nil
}

func hashFile(ctx context.Context, file string, hashes []hash.Hash) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	for {
		n, err := f.Read(buf)
		for _, h := range hashes {
			h.Write(buf[:n])
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// write puts the manifest where it was asked for, and MD5 sums beside it.
func (m *manifest) write(file string) error {
	if err := writeSums(file, m.blake3); err != nil || !m.md5 {
		return err
	}
	return writeSums(file+".md5", m.sums)
}

func writeSums(file string, sums map[string]string) error {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		mark, escaped := "", name
		if strings.ContainsAny(name, "\\\n\r") { // as coreutils and b3sum have it
			mark, escaped = `\`, sumEscapes.Replace(name)
		}
		fmt.Fprintf(&b, "%s%s  %s\n", mark, sums[name], escaped)
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".checksums-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.WriteString(b.String())
	err = errors.Join(err, temp.Sync(), temp.Chmod(0o644), temp.Close())
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), file)
}

var (
	sumEscapes   = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)
	sumUnescapes = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r")
)

// readSums reads a manifest; MD5 sums are told by their length.
func readSums(r io.Reader) (sums map[string]string, err error) {
	sums = map[string]string{}
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for n := 1; in.Scan(); n++ {
		line := in.Text()
		if line == "" {
			continue
		}
		line, escaped := strings.CutPrefix(line, `\`)
		sum, name, ok := strings.Cut(line, "  ")
		if !ok {
			sum, name, ok = strings.Cut(line, " *")
		}
		raw, err := hex.DecodeString(sum)
		if !ok || err != nil || len(raw) != objects.IDSize && len(raw) != md5.Size {
			return nil, fmt.Errorf("line %d is no checksum and name", n)
		}
		if escaped {
			name = sumUnescapes.Replace(name)
		}
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, fmt.Errorf("line %d names %q, which is not below the directory", n, name)
		}
		sums[name] = sum
	}
	return sums, in.Err()
}

type verifyDoc struct {
	OK       bool     `json:"ok"`
	Checked  int      `json:"checked"`
	Missing  []string `json:"missing"`
	Changed  []string `json:"changed"`
	Unlisted []string `json:"unlisted"`
}

// runVerify holds a directory against a manifest.
func runVerify(ctx context.Context, a *app, o auditOptions) error {
	f, err := os.Open(absolute(a.cwd, o.verify))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--verify %s: no such file: %w", o.verify, store.ErrNotFound)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	sums, err := readSums(f)
	if err == nil && len(sums) == 0 {
		err = errors.New("lists no files")
	}
	if err != nil {
		return usagef("", "%s: %s", o.verify, err)
	}
	dir := absolute(a.cwd, o.arg)
	if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
		return fmt.Errorf("%s: no such directory: %w", o.arg, store.ErrNotFound)
	}
	d := verifyDoc{Missing: []string{}, Changed: []string{}, Unlisted: []string{}}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		h := hash.Hash(objects.NewHasher())
		if len(sums[name]) == 2*md5.Size {
			h = md5.New()
		}
		err := hashFile(ctx, filepath.Join(dir, filepath.FromSlash(name)), []hash.Hash{h})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			d.Missing = append(d.Missing, name)
			continue
		case err != nil:
			return err
		}
		d.Checked++
		if hex.EncodeToString(h.Sum(nil)) != strings.ToLower(sums[name]) {
			d.Changed = append(d.Changed, name)
		}
	}
	err = walkFiles(dir, func(rel, _ string) error {
		if _, ok := sums[rel]; !ok {
			d.Unlisted = append(d.Unlisted, rel)
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.OK = len(d.Missing)+len(d.Changed) == 0
	if a.json {
		err = writeJSON(a.out, d)
	} else {
		err = a.printVerify(&d)
	}
	if err == nil && !d.OK {
		err = reportedError{exitFailed}
	}
	return err
}

func (a *app) printVerify(d *verifyDoc) error {
	for _, x := range []struct {
		word  string
		names []string
	}{{"missing", d.Missing}, {"changed", d.Changed}, {"not listed", d.Unlisted}} {
		for _, name := range x.names {
			look := a.style.bad
			if x.word == "not listed" {
				look = a.style.dim
			}
			fmt.Fprintf(a.out, "%s  %s\n", look.Sprint(x.word), cleanLine(name))
		}
	}
	if d.OK {
		fmt.Fprintf(a.out, "%s: %s as the manifest says\n", a.style.good.Sprint("ok"), plural(d.Checked, "file"))
	}
	return a.out.failed()
}

// blake3Of is the BLAKE3 hash of a file, in hex.
func blake3Of(ctx context.Context, file string) (string, error) {
	h := objects.NewHasher()
	if err := hashFile(ctx, file, []hash.Hash{h}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
