package watch

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"
)

// Options are how a Watcher works.
type Options struct {
	Settle time.Duration // how long a file must be at rest
	Every  time.Duration // at least between two saves
	Scan   time.Duration // between two looks at everything
	// Poll is Scan where changes cannot be told of.
	Poll       time.Duration
	Initial    bool // save what is not saved at the start, too
	Incomplete bool // save also what is not complete, once it is at rest
	Once       bool // end after the first save
	// Reread is the name of files that say which others are watched.
	Reread string
	// Say tells people something.
	Say func(msg string)
}

// minSettle is the least settle time.
const minSettle = 10 * time.Millisecond

// burst is how long changes are gathered before they are looked at: a program that writes
// a file in small pieces makes thousands of them.
const burst = 100 * time.Millisecond

// maxLastWait bounds how long a watcher that is to end waits for files to settle.
const maxLastWait = 5 * time.Second

// Watcher saves what changes at a Place. It is for one goroutine.
type Watcher struct {
	o       Options
	place   Place
	source  Source // nil: none
	t       *Tracker
	scanned bool // everything has been looked at once
	again   time.Time
	passed  map[string]bool // files that are not watched, since the last scan
	made    bool
	clock   func() time.Time // nil: scans take no time
	// What was said of the last failure to look, and to save; "": none.
	lookFailure, saveFailure string
}

// New returns a watcher; without a source it looks at everything each time.
func New(p Place, s Source, o Options) *Watcher {
	o.Settle = max(o.Settle, minSettle)
	return &Watcher{o: o, place: p, source: s, t: NewTracker(o.Settle, o.Every), passed: map[string]bool{}}
}

// Run watches until ctx ends, then saves what is complete, and returns nil. A save that is
// under way then is finished. An error that wraps ErrFatal ends it, and one of the last
// save.
func (w *Watcher) Run(ctx context.Context, now func() time.Time) error {
	var ready <-chan struct{}
	if w.source != nil {
		ready = w.source.Ready()
	}
	w.clock = now
	lasting := context.WithoutCancel(ctx)
	for ctx.Err() == nil {
		done, err := w.Step(lasting, now())
		if done || err != nil {
			return err
		}
		wake := time.NewTimer(w.Wake().Sub(now()))
		select {
		case <-wake.C:
		case <-ready:
			sleep(ctx, burst)
		case <-ctx.Done():
		}
		wake.Stop()
	}
	unsettled, err := w.unsettled(lasting, now())
	if err != nil {
		return err
	}
	if unsettled { // the last save of a training that ends with us
		time.Sleep(min(w.o.Settle, maxLastWait))
	}
	return w.Finish(lasting, now())
}

// unsettled tells whether a file has changed so short ago that it has to settle.
func (w *Watcher) unsettled(ctx context.Context, now time.Time) (bool, error) {
	w.again = now // the source may not have told of it yet
	err := w.look(ctx, now)
	return slices.ContainsFunc(w.t.All(now), func(c Candidate) bool { return !c.Settled }), err
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Wake is when Step has something to do, if the source is silent.
func (w *Watcher) Wake() time.Time {
	if at, ok := w.t.Wake(); ok {
		return earlier(at, w.again)
	}
	return w.again
}

// Step looks at what has changed, and saves what is due. done: once is enough.
func (w *Watcher) Step(ctx context.Context, now time.Time) (done bool, err error) {
	if err := w.look(ctx, now); err != nil {
		return false, err
	}
	if due := w.t.Due(now); len(due) > 0 {
		if err := w.save(ctx, due, now, false); errors.Is(err, ErrFatal) {
			return false, err
		}
	}
	w.report(now, false)
	return w.made && w.o.Once, nil
}

// Finish saves all that is complete, whether or not its time has come, and reports the
// rest.
func (w *Watcher) Finish(ctx context.Context, now time.Time) error {
	w.again = now
	if err := w.look(ctx, now); err != nil {
		return err
	}
	if all := w.t.All(now); len(all) > 0 {
		if err := w.save(ctx, all, now, true); err != nil {
			return err
		}
	}
	w.report(now, true)
	return nil
}

func (w *Watcher) report(now time.Time, all bool) {
	for _, r := range w.t.Reports(now, all) {
		w.o.Say(fmt.Sprintf("%s is not saved: %s", r.Path, r.Why))
	}
}

// look brings the tracker up to date. Its only errors are fatal ones.
func (w *Watcher) look(ctx context.Context, now time.Time) error {
	var changed []string
	all := !now.Before(w.again)
	if w.source != nil {
		c, lost := w.source.Take()
		changed, all = c, all || lost
	}
	for _, p := range changed {
		all = all || path.Base(p) == w.o.Reread
	}
	var err error
	if all {
		err = w.scan(ctx, now)
	}
	for _, p := range changed { // also after a scan: what has not changed in looks was touched
		if err != nil {
			break
		}
		err = w.touched(ctx, p, now)
	}
	switch {
	case errors.Is(err, ErrFatal):
		return err
	case err != nil:
		w.again = now.Add(w.failed(&w.lookFailure, err, now))
	case all:
		w.works(&w.lookFailure)
	}
	return nil
}

// scan looks at everything.
func (w *Watcher) scan(ctx context.Context, now time.Time) error {
	w.t.BeginScan()
	err := w.place.Scan(ctx, "", w.watch, func(p string, st Stat) {
		w.t.Saw(p, st, !w.t.Knows(p) && (w.scanned || w.o.Initial), now)
	})
	if err != nil {
		return err
	}
	w.t.EndScan()
	clear(w.passed)
	w.scanned = true
	pause := w.o.Scan
	if w.source == nil {
		pause = w.o.Poll
	}
	if w.clock != nil { // a fifth of the time at the most
		end := w.clock()
		pause, now = max(pause, 4*end.Sub(now)), end
	}
	w.again = now.Add(pause)
	return nil
}

// watch has the source watch a directory; where it cannot, the watcher polls.
func (w *Watcher) watch(dir string) {
	if w.source == nil {
		return
	}
	if err := w.source.Watch(dir); err != nil && w.o.Poll < w.o.Scan {
		w.o.Scan = w.o.Poll
		w.o.Say(fmt.Sprintf("changes in %q are not told of (%v), so everything is looked at every %v", dir, err, w.o.Poll))
	}
}

// touched looks at a path that something has happened to.
func (w *Watcher) touched(ctx context.Context, p string, now time.Time) error {
	st, isDir, there := w.place.Stat(p)
	switch {
	case !there:
		w.t.Gone(p)
		return nil
	case !isDir && w.t.Knows(p):
		w.t.Saw(p, st, true, now)
		return nil
	case w.passed[p]:
		return nil
	}
	found := false
	err := w.place.Scan(ctx, p, w.watch, func(p string, st Stat) {
		found = true
		w.t.Saw(p, st, true, now)
	})
	if !isDir && !found && err == nil {
		w.passed[p] = true
	}
	return err
}
