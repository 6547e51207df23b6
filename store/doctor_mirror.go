package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// mirrorLate is how old what a mirror lacks may be.
const mirrorLate = 7 * 24 * time.Hour

func (d *doctor) hasMirrors() bool {
	settings := d.s.settingsOrWhatIsLeft(context.Background(), d.sn.st)
	return slices.ContainsFunc(remoteNames(settings), func(name string) bool { return isMirror(settings, name) })
}

// mirrors tells whether the mirrors are there, and how far they are behind.
func (d *doctor) mirrors(ctx context.Context) (Check, error) {
	settings := d.s.settingsOrWhatIsLeft(ctx, d.sn.st)
	worst := fine("")
	var said []string
	for _, name := range remoteNames(settings) {
		if !isMirror(settings, name) {
			continue
		}
		location := d.s.locationOf(settings[remoteKey(name, remoteURL)])
		if d.s.isHere(location) {
			said = append(said, fmt.Sprintf("%q is this store itself", name))
			continue
		}
		c, err := d.compare(ctx, location, "mstore replicate "+name)
		if err != nil {
			return Check{}, err
		}
		said = append(said, fmt.Sprintf("%q: %s", name, c.Detail))
		if rank(c.Status) > rank(worst.Status) {
			worst = c
		}
	}
	worst.Detail = strings.Join(said, "; ")
	return worst, nil
}

func rank(status string) int {
	return slices.Index([]string{CheckOK, CheckWarning, CheckFailed}, status)
}

// compare tells how another copy of this store is, and how far it is behind. next
// brings it up to date.
func (d *doctor) compare(ctx context.Context, location, next string) (Check, error) {
	other, err := d.s.openAt(ctx, location, Options{Clock: d.s.o.Clock})
	if err != nil {
		return failed(next, "it cannot be opened: %v", err), ctx.Err()
	}
	defer other.Close()
	theirs, err := other.load(ctx)
	if err != nil {
		return failed(next+" --verify", "its journal cannot be read: %v", err), ctx.Err()
	}
	ours, err := d.s.load(ctx) // after the other, which may be ahead of d.sn by now
	if err != nil {
		return Check{}, err
	}
	there, here := theirs.st.Number, ours.st.Number
	if theirs.st.Store != ours.st.Store {
		return failed("", "it is another store, no copy of this one"), nil
	}
	common := min(there, here)
	a, err := theirs.h.Hash(ctx, common)
	if err != nil {
		return failed(next+" --verify", "its journal cannot be read: %v", err), ctx.Err()
	}
	b, err := ours.h.Hash(ctx, common)
	switch {
	case err != nil:
		return Check{}, err
	case a != b || there > here && !theirs.st.Mirror:
		return failed("", "it has entries of its own: it is a store of its own now"), nil
	case there > here:
		return failed("mstore fsck --repair", "it has %s that this store has lost", numberOf(int(there-here), "entry", "entries")), nil
	case there == here:
		return fine("up to date"), nil
	}
	lacks, err := ours.h.Entry(ctx, there+1)
	if err != nil {
		return Check{}, err
	}
	since := max(d.now.Sub(lacks.Time), 0)
	text := fmt.Sprintf("%s behind, since %s", numberOf(int(here-there), "entry", "entries"), minute(lacks.Time))
	if since > mirrorLate {
		return warning(next, "%s", text), nil
	}
	return fine("%s", text), nil
}

// second tells whether the second store, which repair takes lost content from, is
// there, and how far it is.
func (d *doctor) second(ctx context.Context) (Check, error) {
	location := d.s.locationOf(d.s.setting(d.sn.st, secondStore))
	other, err := d.s.openAt(ctx, location, Options{Clock: d.s.o.Clock})
	if err != nil {
		return failed("mstore config "+secondStore, "it cannot be opened: %v", err), nil
	}
	defer other.Close()
	theirs, err := other.load(ctx)
	if err != nil {
		return failed("mstore --store "+quoted(location)+" fsck", "its journal cannot be read: %v", err), nil
	}
	ours, err := d.s.load(ctx) // after the other, which may be ahead of d.sn by now
	if err != nil {
		return Check{}, err
	}
	there, here := theirs.st.Number, ours.st.Number
	switch {
	case theirs.st.Store != ours.st.Store:
		return warning("mstore config "+secondStore, "it is not a copy of this store: 'mstore fsck --repair' finds in it only what was saved in both"), nil
	case there > here:
		return warning("", "it has %s that this store does not have", numberOf(int(there-here), "entry", "entries")), nil
	case there < here:
		return fine("it is %s behind", numberOf(int(here-there), "entry", "entries")), nil
	}
	return fine("it has the same journal"), nil
}
