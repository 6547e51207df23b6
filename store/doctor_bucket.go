package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mstore/mstore/internal/backend"
)

// unfinisher is a backend that can tell of uploads that nobody has finished.
type unfinisher interface {
	// Unfinished counts the uploads that were begun longer than olderThan ago.
	Unfinished(ctx context.Context, olderThan time.Duration) (n int, err error)
}

// skewTeller is a backend whose answers tell what time it is there.
type skewTeller interface {
	// Skew is how far the service's clock is ahead of this machine's; not ok before its
	// first answer.
	Skew() (d time.Duration, ok bool)
}

// clockLimit is how wrong a clock may be before S3 refuses what is signed by it.
const clockLimit = 15 * time.Minute

// bucket tells whether the bucket answers, may be written to, and keeps what a store
// relies on. Keys of its own are made and deleted below probe/.
func (d *doctor) bucket(ctx context.Context) (Check, error) {
	where := LocationName(d.s.location)
	err := probe(ctx, d.s.b)
	switch {
	case err == nil:
	case errors.Is(err, ErrDenied):
		return failed("", "the credentials do not allow to write to %s: %v", where, err), nil
	case errors.Is(err, ErrUnsuitable):
		return failed("", "%v", err), nil
	default:
		return Check{}, err
	}
	if err := d.probeWork(); err != nil {
		return warning("", "%s answers and keeps what a store relies on; but the workspace, which remembers the current branch, cannot be written to: %v", where, err), nil
	}
	return fine("%s answers, can be written to, and keeps what a store relies on", where), nil
}

// uploads tells of uploads that dead writers have left: no listing shows them, and they
// cost space.
func (d *doctor) uploads(ctx context.Context) (Check, error) {
	u, ok := backend.Uncached(d.s.b).(unfinisher)
	if !ok {
		return fine("nothing is known of them here"), nil
	}
	n, err := u.Unfinished(ctx, debrisAge)
	if err != nil {
		return Check{}, err
	}
	if n > 0 {
		return warning("mstore gc", "%s were begun more than a day ago and never finished; they take space", numberOf(n, "upload", "uploads")), nil
	}
	return fine("none was left unfinished"), nil
}

// cache tells what copies take, and whether they can be kept.
func (d *doctor) cache(ctx context.Context) (Check, error) {
	o := cacheOptions(d.s.rootDir, readLocal(d.s.root), d.s.o)
	if o.cacheMax == 0 {
		return warning("mstore config --local --unset cache.size", "it is switched off (cache.size): everything is fetched again each time"), nil
	}
	var bytes int64
	err := filepath.WalkDir(o.cacheDir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if fi, ferr := e.Info(); ferr == nil {
				bytes += fi.Size()
			}
		}
		if notExist(err) {
			err = nil
		}
		return errors.Join(err, ctx.Err())
	})
	if err != nil {
		return Check{}, err
	}
	if err := os.MkdirAll(o.cacheDir, 0o755); err != nil {
		return warning("", "copies cannot be kept, so that everything is fetched again each time: %v", err), nil
	}
	f, err := os.CreateTemp(o.cacheDir, "probe-")
	if err != nil {
		return warning("", "copies cannot be kept, so that everything is fetched again each time: %v", err), nil
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return Check{}, err
	}
	return fine("%s of %s in %s; it may be deleted at any time", byteCount(bytes), byteCount(o.cacheMax), o.cacheDir), nil
}

// skewed tells whether the clocks of this machine and of the service differ.
func (d *doctor) skewed() (c Check, yes bool) {
	t, ok := backend.Uncached(d.s.b).(skewTeller)
	if !ok {
		return c, false
	}
	skew, ok := t.Skew()
	way := "behind"
	if skew < 0 {
		skew, way = -skew, "ahead of"
	}
	switch {
	case !ok || skew <= clockSlack:
		return c, false
	case skew >= clockLimit:
		return failed("", "this machine's clock is %s %s that of the service, which may refuse what it is asked: set it", skew.Round(time.Second), way), true
	}
	return warning("", "this machine's clock is %s %s that of the service: set it", skew.Round(time.Second), way), true
}
