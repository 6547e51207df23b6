package watch

import (
	"context"
	"errors"
	"time"
)

// save saves those of the candidates that are complete. The last time, those that have
// not settled are taken too if their structure says that they are complete.
func (w *Watcher) save(ctx context.Context, list []Candidate, now time.Time, last bool) error {
	list = w.untouched(list, now, last)
	if len(list) == 0 {
		return nil
	}
	judged, err := w.place.Judge(ctx, paths(list))
	if err != nil {
		return w.failedToSave(err, now, last)
	}
	var take []Candidate
	for i, c := range list {
		switch j := judged[i]; {
		case j.State == Same:
			w.t.Saved(c.Path, c.Stat)
		case j.State == Whole, c.Settled && (j.State == Mute || w.o.Incomplete):
			take = append(take, c)
		case c.Settled || last && j.State == Part:
			w.t.Stuck(c.Path, c.Stat, j.Why, false, now)
		case last:
			w.t.Stuck(c.Path, c.Stat, "it is still being written", false, now)
		default:
			w.t.Later(c.Path, now)
		}
	}
	if len(take) == 0 {
		w.works(&w.saveFailure)
		return nil
	}
	err = w.saveThese(ctx, take, now, last)
	if len(take) > 1 && (errors.Is(err, ErrRefused) || errors.Is(err, ErrChanging)) { // one must not keep the others from being saved
		err = nil
		for _, c := range take {
			err = errors.Join(err, w.saveThese(ctx, []Candidate{c}, now, last))
		}
	}
	return err
}

// saveThese saves files together. That they were refused is an error for several only.
func (w *Watcher) saveThese(ctx context.Context, take []Candidate, now time.Time, last bool) error {
	made, err := w.place.Save(ctx, paths(take))
	switch {
	case err == nil:
		for _, c := range take {
			w.t.Saved(c.Path, c.Stat)
		}
		w.works(&w.saveFailure)
		w.t.Recovered()
		if made {
			w.made = true
			w.t.Made(now)
		}
		return nil
	case errors.Is(err, ErrRefused) && len(take) == 1:
		w.o.Say(err.Error())
		w.t.Stuck(take[0].Path, take[0].Stat, err.Error(), true, now)
		return nil
	case errors.Is(err, ErrRefused):
		return err
	case errors.Is(err, ErrChanging):
		for _, c := range take {
			w.t.Later(c.Path, now)
		}
		return err
	}
	return w.failedToSave(err, now, last)
}

// failedToSave tells of a failure, unless the error is the end of all.
func (w *Watcher) failedToSave(err error, now time.Time, last bool) error {
	if !last && !errors.Is(err, ErrFatal) {
		w.failed(&w.saveFailure, err, now)
	}
	return err
}

// untouched leaves out what is not as it was seen, or is being written.
func (w *Watcher) untouched(list []Candidate, now time.Time, last bool) (rest []Candidate) {
	for _, c := range list {
		st, isDir, there := w.place.Stat(c.Path)
		if !there || isDir {
			w.t.Gone(c.Path)
			continue
		}
		if st != c.Stat {
			w.t.Saw(c.Path, st, true, now)
			c.Stat, c.Settled = st, false
		}
		if c.Settled || c.Overdue || last {
			rest = append(rest, c)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	writers := w.place.Writers(paths(rest))
	list, rest = rest, rest[:0]
	for _, c := range list {
		switch {
		case writers[c.Path] && last:
			c.Settled = false
		case writers[c.Path] && !c.Overdue: // one that keeps its files open must not keep them from being saved
			w.t.Later(c.Path, now)
			continue
		}
		rest = append(rest, c)
	}
	return rest
}

func paths(list []Candidate) []string {
	p := make([]string, len(list))
	for i, c := range list {
		p[i] = c.Path
	}
	return p
}

// failed tells of a failure that may go by itself, once, and how long to wait.
func (w *Watcher) failed(said *string, err error, now time.Time) time.Duration {
	if text := err.Error(); text != *said {
		*said = text
		w.o.Say(text + "; it is tried again")
	}
	return w.t.Failed(now)
}

// works notes that what has failed works.
func (w *Watcher) works(said *string) {
	if *said != "" {
		*said = ""
		w.o.Say("it works again")
	}
}
