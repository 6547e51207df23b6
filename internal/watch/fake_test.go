package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeFile is one file of a fakePlace.
type fakeFile struct {
	stat  Stat
	state State
	saved Stat // the content that is saved
}

// fakePlace is a place in memory with a clock of its own, and the source of its changes.
type fakePlace struct {
	t       *testing.T
	now     time.Time
	serial  int64
	files   map[string]*fakeFile
	writers map[string]bool
	saves   []fakeSave
	said    []string
	dirs    map[string]bool // watched
	scans   []string

	saveErr  func(paths []string) error
	scanErr  error
	watchErr error

	changed map[string]bool
	all     bool
	deaf    bool // changes are not told of
}

type fakeSave struct {
	at    time.Duration
	paths string
}

var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func newFake(t *testing.T, o Options) (*fakePlace, *Watcher) {
	p := &fakePlace{t: t, now: start, files: map[string]*fakeFile{}, writers: map[string]bool{}, dirs: map[string]bool{}, changed: map[string]bool{}}
	if o.Settle == 0 {
		o.Settle = 2 * time.Second
	}
	if o.Scan == 0 {
		o.Scan, o.Poll = time.Hour, time.Second
	}
	o.Reread = ".ignore"
	o.Say = func(msg string) { p.said = append(p.said, msg) }
	return p, New(p, p, o)
}

// write changes a file.
func (p *fakePlace) write(path string, state State) {
	f := p.files[path]
	if f == nil {
		f = &fakeFile{}
		p.files[path] = f
	}
	p.serial++
	f.stat, f.state = Stat{Size: p.serial, ModTime: p.now.UnixNano()}, state
	p.touch(path)
}

func (p *fakePlace) touch(path string) {
	if !p.deaf {
		p.changed[path] = true
	}
}

func (p *fakePlace) remove(path string) {
	delete(p.files, path)
	p.touch(path)
}

// to lets time go by until so long after the start, with a step whenever the watcher or
// its source wants one.
func (p *fakePlace) to(w *Watcher, d time.Duration) {
	p.t.Helper()
	for end := start.Add(d); ; {
		if err := p.step(w); err != nil {
			p.t.Fatal(err)
		}
		wake := w.Wake()
		if !wake.After(p.now) {
			p.t.Fatalf("at %v the watcher wants to wake at %v: a busy loop", p.now.Sub(start), wake.Sub(start))
		}
		if wake.After(end) {
			p.now = end
			return
		}
		p.now = wake
	}
}

func (p *fakePlace) step(w *Watcher) error {
	_, err := w.Step(context.Background(), p.now)
	return err
}

func (p *fakePlace) Scan(_ context.Context, at string, dir func(string), file func(string, Stat)) error {
	p.scans = append(p.scans, at)
	if p.scanErr != nil {
		return p.scanErr
	}
	dir(".")
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		if at != "" && name != at && !strings.HasPrefix(name, at+"/") || strings.HasSuffix(name, ".ignored") {
			continue
		}
		if i := strings.LastIndexByte(name, '/'); i > 0 {
			dir(name[:i])
		}
		file(name, p.files[name].stat)
	}
	return nil
}

func (p *fakePlace) Stat(path string) (st Stat, isDir, there bool) {
	if f := p.files[path]; f != nil {
		return f.stat, false, true
	}
	for name := range p.files {
		if strings.HasPrefix(name, path+"/") {
			return st, true, true
		}
	}
	return st, false, false
}

func (p *fakePlace) Writers([]string) map[string]bool { return p.writers }

func (p *fakePlace) Judge(_ context.Context, paths []string) ([]Judgement, error) {
	out := make([]Judgement, len(paths))
	for i, path := range paths {
		f := p.files[path]
		out[i] = Judgement{State: f.state, Why: "it is cut off"}
		if f.saved == f.stat {
			out[i] = Judgement{State: Same}
		}
	}
	return out, nil
}

func (p *fakePlace) Save(_ context.Context, paths []string) (bool, error) {
	if p.saveErr != nil {
		if err := p.saveErr(paths); err != nil {
			return false, err
		}
	}
	made := false
	for _, path := range paths {
		f := p.files[path]
		made = made || f.saved != f.stat
		f.saved = f.stat
	}
	if made {
		p.saves = append(p.saves, fakeSave{p.now.Sub(start), strings.Join(paths, " ")})
	}
	return made, nil
}

func (p *fakePlace) Watch(dir string) error {
	p.dirs[dir] = true
	return p.watchErr
}

func (p *fakePlace) Ready() <-chan struct{} { return nil }

func (p *fakePlace) Take() ([]string, bool) {
	changed, all := slices.Sorted(maps.Keys(p.changed)), p.all
	clear(p.changed)
	p.all = false
	return changed, all
}

// saved demands these saves, each as "3s a.json b.json".
func (p *fakePlace) saved(want ...string) {
	p.t.Helper()
	var got []string
	for _, s := range p.saves {
		got = append(got, fmt.Sprintf("%v %s", s.at, s.paths))
	}
	if !slices.Equal(got, want) {
		p.t.Fatalf("saved %q, want %q", got, want)
	}
}

// saidThat demands these messages, told by a part of each.
func (p *fakePlace) saidThat(want ...string) {
	p.t.Helper()
	ok := len(p.said) == len(want)
	for i := range want {
		ok = ok && strings.Contains(p.said[i], want[i])
	}
	if !ok {
		p.t.Fatalf("said %q, want %q", p.said, want)
	}
}
