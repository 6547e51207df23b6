package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// models calls f with every model below dir (stores and other hidden things at
// the top are none), by its path relative to dir.
func models(dir string, f func(rel string, size int64) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != dir && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return f(rel, st.Size())
	})
}

// rawSize is the bytes of all models below dir.
func rawSize(dir string) (n int64, err error) {
	err = models(dir, func(_ string, size int64) error { n += size; return nil })
	return n, err
}

// diskSize is the bytes of all files below dir, except those below a
// directory of the name skip directly in it. A file that vanishes meanwhile
// does not count.
func diskSize(dir, skip string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil
		}
		if err != nil {
			return err
		}
		if d.IsDir() && skip != "" && path == filepath.Join(dir, skip) {
			return filepath.SkipDir
		}
		if st, err := d.Info(); err == nil && st.Mode().IsRegular() {
			n += st.Size()
		}
		return nil
	})
	return n, err
}

// sameModels compares every model below want with the file of the same path
// below got, byte for byte.
func sameModels(want, got string) error {
	return models(want, func(rel string, _ int64) error {
		return sameFile(filepath.Join(want, rel), filepath.Join(got, rel))
	})
}

// sameTree is sameModels, and that no other models lie below got.
func sameTree(want, got string) error {
	if err := sameModels(want, got); err != nil {
		return err
	}
	return models(got, func(rel string, _ int64) error {
		_, err := os.Lstat(filepath.Join(want, rel))
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s: %w: no such file was saved", rel, errDiffers)
		}
		return err
	})
}

func sameFile(want, got string) error {
	g, err := os.Open(got)
	if err != nil {
		return err
	}
	defer g.Close()
	c, err := newComparer(want)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.CopyBuffer(c, struct{ io.Reader }{g}, make([]byte, 64<<10)); err != nil {
		return fmt.Errorf("%s: %w", got, err)
	}
	return c.end()
}

var errDiffers = errors.New("restored bytes differ")

// comparer is a sink that compares what it is given with a file.
type comparer struct {
	f   *os.File
	buf []byte
}

func newComparer(path string) (*comparer, error) {
	f, err := os.Open(path)
	return &comparer{f: f}, err
}

func (c *comparer) Write(p []byte) (int, error) {
	if cap(c.buf) < len(p) {
		c.buf = make([]byte, len(p))
	}
	buf := c.buf[:len(p)]
	if _, err := io.ReadFull(c.f, buf); err != nil || !bytes.Equal(buf, p) {
		return 0, fmt.Errorf("%s: %w", filepath.Base(c.f.Name()), errDiffers)
	}
	return len(p), nil
}

// end tells whether the file ends here too.
func (c *comparer) end() error {
	if n, _ := c.f.Read(make([]byte, 1)); n > 0 {
		return fmt.Errorf("%s: %w: too short", filepath.Base(c.f.Name()), errDiffers)
	}
	return nil
}

func (c *comparer) Close() error { return c.f.Close() }

func copyFile(to, from string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}
