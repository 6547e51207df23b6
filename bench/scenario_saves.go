package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// saves is one model saved many times: the files that it was, in order.
type saves struct {
	dir, name string // where it lies beside the repository, and what it is called
	files     []string
	raw       int64 // bytes of all of them
}

// newSaves takes the files of a directory, at most limit of them, as saves of
// the named model.
func (b *bench) newSaves(corpus, name string, limit int) (*saves, error) {
	files, err := filepath.Glob(filepath.Join(corpus, "*.*"))
	if err != nil {
		return nil, err
	}
	v := &saves{name: name, files: files[:min(limit, len(files))]}
	for _, f := range v.files {
		st, err := os.Stat(f)
		if err != nil {
			return nil, err
		}
		v.raw += st.Size()
	}
	v.dir, err = b.fresh("corpus", "saves")
	return v, err
}

// saveEach saves the files one after the other and measures each.
func (b *bench) saveEach(v *saves, files []string, save func(path string) []command) ([]usage, error) {
	var us []usage
	for _, f := range files {
		if err := copyFile(filepath.Join(v.dir, v.name), f); err != nil {
			return nil, err
		}
		u, err := b.exec(save(v.name)...)
		if err != nil {
			return nil, err
		}
		us = append(us, u)
	}
	return us, nil
}

// saveAll saves all files and reports the median save.
func (b *bench) saveAll(s *system, v *saves, what, target string) ([]usage, error) {
	us, err := b.saveEach(v, v.files, s.save)
	if err != nil {
		return nil, err
	}
	size, err := s.stored()
	if err != nil {
		return nil, err
	}
	b.row(what, s, median(us), size, target, share(size, v.raw)+"; CPU and wall of one save")
	return us, nil
}

// share tells how much of the raw bytes is stored.
func share(stored, raw int64) string {
	return fmt.Sprintf("%.1f%% of %s MB raw", 100*float64(stored)/float64(raw), megabytes(raw))
}

// readBack reads the first save, one in the middle and the last, and compares.
func (b *bench) readBack(s *system, v *saves, what string) error {
	var us []usage
	for _, n := range []int{1, (len(v.files) + 1) / 2, len(v.files)} {
		c, err := newComparer(v.files[n-1])
		if err != nil {
			return err
		}
		cmds := s.read(v.name, n, len(v.files))
		cmds[len(cmds)-1].stdout = struct{ io.Writer }{c}
		u, err := b.exec(cmds...)
		if err == nil {
			err = c.end()
		}
		c.Close()
		if err != nil {
			return fmt.Errorf("reading save %d: %w", n, err)
		}
		us = append(us, u)
	}
	b.row(what, s, median(us), -1, "", "bytes compared")
	return nil
}

// checkout measures the restoring of the n-th save.
func (b *bench) checkout(s *system, v *saves, n int) (usage, error) {
	return b.restoring(func(out string) []command { return s.at(out, n, len(v.files)) }, func(out string) error {
		return sameFile(v.files[n-1], filepath.Join(out, v.name))
	})
}

func runWeightSaves(b *bench) error {
	corpus, err := b.corpus("weights", 0.02)
	if err != nil {
		return err
	}
	return b.runSaves(corpus, "", 100, "", false)
}

func runTrain(b *bench) error {
	corpus, err := b.corpus("train", 0.1)
	if err != nil {
		return err
	}
	for _, k := range []struct{ dir, what, target string }{
		{"f32", "f32: ", "72.5% of raw"},
		{"bf16", "bf16: ", "44% of raw"},
		{"adam", "f32, Adam: ", "82% of raw"},
	} {
		if err := b.runSaves(filepath.Join(corpus, k.dir), k.what, 100, k.target, true); err != nil {
			return err
		}
	}
	return nil
}

// runSaves measures the files of a directory as saves of one tensor file.
func (b *bench) runSaves(corpus, what string, limit int, target string, gc bool) error {
	v, err := b.newSaves(corpus, "model.safetensors", limit)
	if err != nil {
		return err
	}
	return b.each(v.dir, func(s *system) error {
		if s.read == nil {
			return nil // keeps no history
		}
		if _, err := b.saveAll(s, v, fmt.Sprintf("%s%d saves", what, len(v.files)), target); err != nil {
			return err
		}
		if err := b.readBack(s, v, what+"read first, middle, last"); err != nil || !gc || s.gc == nil {
			return err
		}
		if err := b.tidy(s, what+"after gc", target); err != nil {
			return err
		}
		return b.readBack(s, v, what+"read, after gc")
	})
}
