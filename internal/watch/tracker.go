package watch

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Stat tells one state of a file from another.
type Stat struct {
	Size    int64
	ModTime int64 // nanoseconds since 1970
	Inode   uint64
}

const (
	// patience is after how many settle times a file that is never at rest is tried.
	patience = 10
	// reportAfter is after how many settle times an incomplete file is spoken of.
	reportAfter = 4

	firstPause = time.Second
	maxPause   = time.Minute
)

type phase uint8

const (
	idle    phase = iota
	waiting       // changed, not saved yet
	stuck         // at rest, and not to be saved as it is
)

type file struct {
	stat      Stat
	phase     phase
	since     time.Time // the first change that is not saved
	quiet     time.Time // the last change
	notBefore time.Time // of the next try; of a stuck file: of its report
	retry     time.Time // of the next try of a file that is not at rest
	why       string    // stuck
	reported  bool
	scan      uint64 // that has seen it last
}

// Tracker knows of each file whether it is to be saved now. It has no clock: every call
// says what time it is.
type Tracker struct {
	settle, every time.Duration
	files         map[string]*file
	pending       map[string]*file // those that are not idle
	next          time.Time        // no save before
	pause         time.Duration    // after a save that failed
	scan          uint64
}

// NewTracker returns a tracker for a settle time, with at least every between one save
// and the next.
func NewTracker(settle, every time.Duration) *Tracker {
	return &Tracker{settle: settle, every: every, files: map[string]*file{}, pending: map[string]*file{}}
}

// Knows tells whether a file has been seen, and has not gone since.
func (t *Tracker) Knows(path string) bool { return t.files[path] != nil }

// Saw tells what a file is like now. With touched something has happened to it, whether
// or not that shows.
func (t *Tracker) Saw(path string, st Stat, touched bool, now time.Time) {
	f := t.files[path]
	switch {
	case f == nil:
		f = &file{}
		t.files[path] = f
	case f.stat != st:
		touched = true
	}
	f.stat, f.scan = st, t.scan
	if !touched {
		return
	}
	if f.quiet = now; f.phase != waiting {
		f.phase, f.since, f.notBefore, f.retry = waiting, now, now, now
	}
	t.pending[path] = f
}

// Gone tells that a path is not there any more, and nothing below it. Whatever comes to
// stand there is new.
func (t *Tracker) Gone(path string) {
	if t.files[path] != nil {
		delete(t.files, path)
		delete(t.pending, path)
		return
	}
	below := func(p string, _ *file) bool { return path == "." || strings.HasPrefix(p, path+"/") }
	maps.DeleteFunc(t.files, below)
	maps.DeleteFunc(t.pending, below)
}

// BeginScan and EndScan enclose the look at all files: those that Saw is not told of in
// between are gone.
func (t *Tracker) BeginScan() { t.scan++ }

// EndScan ends what BeginScan began.
func (t *Tracker) EndScan() {
	left := func(_ string, f *file) bool { return f.scan != t.scan }
	maps.DeleteFunc(t.files, left)
	maps.DeleteFunc(t.pending, left)
}

// Candidate is a file that may be saved now.
type Candidate struct {
	Path    string
	Stat    Stat
	Settled bool // nothing has happened to it for the settle time
	Overdue bool // it has waited so long that it is tried as it is
}

// Due lists what may be saved now, by path.
func (t *Tracker) Due(now time.Time) []Candidate {
	if now.Before(t.next) {
		return nil
	}
	return t.candidates(func(f *file) bool { return !now.Before(t.dueAt(f)) }, now)
}

// All lists all files that are not saved and not stuck, however short ago they changed.
func (t *Tracker) All(now time.Time) []Candidate {
	return t.candidates(func(*file) bool { return true }, now)
}

func (t *Tracker) candidates(want func(*file) bool, now time.Time) (list []Candidate) {
	for p, f := range t.pending {
		if f.phase == waiting && want(f) {
			list = append(list, Candidate{p, f.stat, now.Sub(f.quiet) >= t.settle, now.Sub(f.since) >= patience*t.settle})
		}
	}
	slices.SortFunc(list, func(a, b Candidate) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// dueAt is when a waiting file is to be tried: at rest, or overdue.
func (t *Tracker) dueAt(f *file) time.Time {
	return earlier(later(f.quiet.Add(t.settle), f.notBefore), later(f.since.Add(patience*t.settle), f.retry))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Saved tells that the content which a file had with this Stat is saved.
func (t *Tracker) Saved(path string, st Stat) {
	f := t.files[path]
	if f == nil {
		return
	}
	f.reported = false
	if f.stat == st { // else it has changed since, and waits on
		f.phase = idle
		delete(t.pending, path)
	} else {
		f.since = f.quiet
	}
}

// Stuck tells that a file that is at rest is not to be saved as it is; said that it has
// been told already.
func (t *Tracker) Stuck(path string, st Stat, why string, said bool, now time.Time) {
	f := t.files[path]
	if f == nil || f.stat != st {
		return
	}
	f.phase, f.why = stuck, why
	f.reported = f.reported || said
	f.notBefore = now.Add(reportAfter * t.settle)
}

// Later tells that a file cannot be saved just now. At rest it is tried again after the
// settle time, else not before it comes to rest or is overdue once more.
func (t *Tracker) Later(path string, now time.Time) {
	f := t.files[path]
	if f == nil {
		return
	}
	f.retry = now.Add(patience * t.settle)
	if now.Sub(f.quiet) >= t.settle {
		f.notBefore, f.retry = now.Add(t.settle), now.Add(t.settle)
	}
}

// Report is a file that stays as it cannot be saved.
type Report struct{ Path, Why string }

// Reports lists the files that have been stuck for long and were not told of yet; with
// all, however short.
func (t *Tracker) Reports(now time.Time, all bool) (list []Report) {
	for p, f := range t.pending {
		if f.phase == stuck && !f.reported && (all || !now.Before(f.notBefore)) {
			f.reported = true
			list = append(list, Report{p, f.why})
		}
	}
	slices.SortFunc(list, func(a, b Report) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// Made tells that a save was made: the next one is not before its time.
func (t *Tracker) Made(now time.Time) { t.next, t.pause = now.Add(t.every), 0 }

// Failed tells that a save failed through no fault of the files. The next one is tried
// after a pause that grows; it is returned.
func (t *Tracker) Failed(now time.Time) time.Duration {
	t.pause = min(max(2*t.pause, firstPause), maxPause)
	t.next = later(t.next, now.Add(t.pause))
	return t.pause
}

// Recovered tells that what had failed works.
func (t *Tracker) Recovered() { t.pause = 0 }

// Wake is when there will be something to do, if nothing happens before; false: never.
func (t *Tracker) Wake() (at time.Time, ok bool) {
	for _, f := range t.pending {
		var when time.Time
		switch {
		case f.phase == waiting:
			when = later(t.dueAt(f), t.next)
		case f.reported:
			continue
		default:
			when = f.notBefore
		}
		if !ok || when.Before(at) {
			at, ok = when, true
		}
	}
	return at, ok
}
