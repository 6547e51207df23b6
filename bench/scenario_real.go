package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// past is the real history of some models: their versions, oldest first.
type past struct {
	name     string
	versions []string // directories
	raw      int64    // bytes of all of them
	same     int      // versions left out since nothing had changed
}

// readPasts finds the histories below dir, as NAME/NNN-VERSION/files. A version
// that equals the one before it is left out: not every program makes a version
// of it. At most limit versions are taken.
func readPasts(dir string, limit int) ([]past, error) {
	names, err := subdirs(dir)
	if err != nil {
		return nil, err
	}
	var ps []past
	for _, name := range names {
		p := past{name: name}
		versions, err := subdirs(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		for _, version := range versions {
			v := filepath.Join(dir, name, version)
			if n := len(p.versions); n > 0 && sameTree(p.versions[n-1], v) == nil {
				p.same++
				continue
			} else if n == limit {
				break
			}
			raw, err := rawSize(v)
			if err != nil {
				return nil, err
			}
			p.versions, p.raw = append(p.versions, v), p.raw+raw
		}
		if len(p.versions) > 0 {
			ps = append(ps, p)
		}
	}
	return ps, nil
}

// subdirs are the directories in dir that are not hidden, by name.
func subdirs(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// become makes the models in dir those of a version; what is hidden stays.
func become(dir, version string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return models(version, func(rel string, _ int64) error {
		to := filepath.Join(dir, rel)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return copyFile(to, filepath.Join(version, rel))
	})
}

// sum adds up the rows of one program that say the same of several histories.
type sum struct {
	row
	raw int64
	n   int // histories
}

type sums []*sum

func (s *sums) add(x row, raw int64) {
	i := slices.IndexFunc(*s, func(t *sum) bool { return t.what == x.what && t.system == x.system })
	if i < 0 {
		*s = append(*s, &sum{x, raw, 1})
		return
	}
	t := (*s)[i]
	t.u, t.size, t.raw, t.n = t.u.plus(x.u), t.size+x.size, t.raw+raw, t.n+1
}

func runReal(b *bench) error {
	if len(b.real) == 0 {
		b.report.note("Skipped: no histories were given (-real DIR).")
		return nil
	}
	var all []past
	for _, dir := range b.real {
		ps, err := readPasts(dir, scaled(b, 1000, 3))
		if err != nil {
			return err
		}
		all = append(all, ps...)
	}
	if len(all) == 0 {
		return errors.New("-real: no NAME/NNN-VERSION below the directories")
	}
	dir, err := b.fresh("corpus", "real")
	if err != nil {
		return err
	}
	var total sums
	for _, p := range all {
		note := fmt.Sprintf("**%s**: versions: %d; raw MB: %s", p.name, len(p.versions), megabytes(p.raw))
		if p.same > 0 {
			note += fmt.Sprintf("; versions without a change, left out: %d", p.same)
		}
		b.report.note(note)
		err := b.each(dir, func(s *system) error {
			if s.at == nil || s.name == "git-lfs" { // which kinds of file would lfs track?
				return nil
			}
			return b.measurePast(s, dir, p, &total)
		})
		if err != nil {
			return err
		}
	}
	b.report.note(fmt.Sprintf("**all of them**: histories: %d", len(all)))
	for _, t := range total {
		t.note = realNote(t.row, t.raw)
		if t.n < len(all) {
			t.note += fmt.Sprintf("; only %d of them", t.n)
		}
		b.report.add(t.row)
	}
	return nil
}

// Rows of a real history.
const (
	commitRow       = "commits"
	checkoutRow     = "checkouts"
	gcRow           = "after gc"
	gcedCheckoutRow = "checkouts, after gc"
)

func realNote(x row, raw int64) string {
	switch x.what {
	case commitRow:
		return share(x.size, raw) + ", " + rate(raw, x.u)
	case gcRow:
		return share(x.size, raw) + "; CPU and wall of gc"
	}
	return rate(raw, x.u) + ", " + perSecond(raw, x.u.wall, "of wall; bytes compared")
}

func (b *bench) measurePast(s *system, dir string, p past, total *sums) error {
	add := func(what string, u usage, size int64, target string) {
		if s.name != "mstore" {
			target = ""
		}
		x := row{what: what, system: s.name, u: u, size: size, target: target}
		x.note = realNote(x, p.raw)
		b.report.add(x)
		total.add(x, p.raw)
	}
	var u usage
	for _, v := range p.versions {
		if err := become(dir, v); err != nil {
			return err
		}
		one, err := b.exec(s.save(".")...)
		if err != nil {
			return err
		}
		u = u.plus(one)
	}
	size, err := s.stored()
	if err != nil {
		return err
	}
	add(commitRow, u, size, "git after gc, 60 MB/s of CPU")
	if u, err = b.checkoutPast(s, p); err != nil {
		return err
	}
	add(checkoutRow, u, -1, "300 MB/s")
	if s.gc == nil {
		return nil
	}
	if u, err = b.exec(s.gc...); err != nil {
		return err
	}
	if size, err = s.stored(); err != nil {
		return err
	}
	add(gcRow, u, size, "git after gc")
	if u, err = b.checkoutPast(s, p); err != nil {
		return err
	}
	add(gcedCheckoutRow, u, -1, "300 MB/s")
	return nil
}

// checkoutPast restores every version and sums what it costs.
func (b *bench) checkoutPast(s *system, p past) (sum usage, err error) {
	for i, v := range p.versions {
		out, err := b.fresh("out")
		if err != nil {
			return sum, err
		}
		u, err := b.exec(s.at(out, i+1, len(p.versions))...)
		if err == nil {
			err = sameTree(v, out)
		}
		if err != nil {
			return sum, fmt.Errorf("version %d: %w", i+1, err)
		}
		sum = sum.plus(u)
	}
	return sum, nil
}
