package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/mstore/mstore/gc/policy"
	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/objects/parity"
)

const (
	scrubDue    = 30 * 24 * time.Hour // how old a whole check may be
	manyPacks   = 1000                // that no repack has made
	debrisAge   = 24 * time.Hour      // no writer takes so long
	parityLacks = 20                  // this part of the store may lack parity
)

// scrub tells when everything was last checked, from this workspace.
func (d *doctor) scrub(context.Context) (Check, error) {
	last, ok := d.s.lastScrub()
	full := last.Full
	switch {
	case ok && (last.Problems > 0 || !last.OK && !(last.Full.IsZero() && last.Sampled.IsZero())):
		at := full
		if last.Sampled.After(at) {
			at = last.Sampled
		}
		return failed("mstore fsck --repair", "the last check, of %s, found %s", minute(at), numberOf(last.Problems, "problem", "problems")), nil
	case full.IsZero() && d.sn != nil && d.sn.st.Versions == 0:
		return fine("there is nothing to check yet"), nil
	case full.IsZero() && !last.Sampled.IsZero():
		return warning("mstore fsck", "a sample was checked on %s, but never everything", minute(last.Sampled)), nil
	case full.IsZero():
		return warning("mstore fsck", "it was never checked from here whether everything is intact"), nil
	case d.now.Sub(full) > scrubDue:
		return warning("mstore fsck", "everything was last checked %s, on %s", humanize.RelTime(full, d.now, "ago", "from now"), minute(full)), nil
	}
	return fine("everything was checked on %s, and is intact", minute(full)), nil
}

// packs tells whether they are all there, and whether there are too many.
func (d *doctor) packs(ctx context.Context) (Check, error) {
	if d.packErr != nil {
		return Check{}, d.packErr
	}
	var bytes int64
	var packs []pack.Info
	for _, p := range d.live {
		if _, condemned := d.sn.st.Condemned[p.Name]; !condemned {
			packs = append(packs, p)
			bytes += p.Size
		}
	}
	if gone := d.missing(); len(gone) > 0 {
		return failed("mstore fsck --repair", "of %s, %d are missing or not as long as they were written, %s first", numberOf(len(d.live), "pack", "packs"), len(gone), gone[0]), nil
	}
	var loose, unread atomic.Int64
	set := d.sn.r.Set()
	err := inRuns(ctx, packs, func(ctx context.Context, p pack.Info) error {
		x, err := set.Index(ctx, p)
		if err != nil {
			unread.Add(1)
			return ctx.Err()
		}
		if n, err := x.Notes(); err != nil {
			unread.Add(1)
		} else if !n.Folded {
			loose.Add(1)
		}
		return nil
	})
	if err != nil {
		return Check{}, err
	}
	if len(packs) == 0 {
		return fine("there are none yet"), nil
	}
	all := fmt.Sprintf("%s of %s", numberOf(len(packs), "pack", "packs"), byteCount(bytes))
	if n := int(unread.Load()); n > 0 {
		return failed("mstore fsck --repair", "%s, and the index of %d cannot be read", all, n), nil
	}
	if n := int(loose.Load()); n > 0 {
		all += fmt.Sprintf(", %s of them as saves have left them", humanize.Comma(int64(n)))
	}
	if int(loose.Load()) > d.many {
		return warning("mstore gc", "%s: with so many everything takes longer", all), nil
	}
	return fine("%s", all), nil
}

// parity tells how much of the store could be rebuilt. What came since the last fold
// gets its parity with the next one, and is not held against it.
func (d *doctor) parity(ctx context.Context) (Check, error) {
	st := d.sn.st
	p := &protection{s: d.s, percent: parityPercent(st)}
	if p.percent == 0 {
		return fine("it is switched off (store.parity): what is damaged can only come back from a copy"), nil
	}
	if err := p.look(ctx); err != nil {
		return Check{}, err
	}
	covered := map[string]bool{}
	for _, g := range p.groups {
		for _, f := range g.files {
			covered[f.Key] = covered[f.Key] || p.files[f.Key] == f.Size
		}
	}
	lacking := map[string]bool{}
	for _, key := range p.large {
		lacking[key] = true
	}
	recent := map[string]bool{}
	for _, i := range st.Packs {
		recent[i.Name.Key()] = true
	}
	var total, with, waiting, packs int64
	for key, size := range p.files {
		total += size
		switch small := size <= parity.Large; {
		case small && covered[key], !small && !lacking[key]:
			with += size
		case small && (recent[key] || st.Watermark() == 0 || strings.HasPrefix(key, "journal/e")):
			waiting += size
		default:
			if _, ok := pack.ParseKey(key); ok {
				packs++
			}
		}
	}
	detail := fmt.Sprintf("%s of %s have parity", byteCount(with), byteCount(total))
	if waiting > 0 {
		detail += fmt.Sprintf(", %s get it when the journal is folded next, or by gc", byteCount(waiting))
	}
	if lack := total - with - waiting; lack > total/parityLacks {
		return warning("mstore gc", "%s, %s in %s have none", detail, byteCount(lack), numberOf(int(packs), "pack", "packs")), nil
	}
	return fine("%s", detail), nil
}

// condemned tells what was let go and is still there.
func (d *doctor) condemned(context.Context) (Check, error) {
	var back, due int64
	var first, last time.Time
	for _, p := range d.sn.st.SortedCondemned() {
		until := p.Time.Add(d.sn.grace)
		if !d.now.Before(until) {
			due += p.Size
			continue
		}
		back += p.Size
		if first.IsZero() || until.Before(first) {
			first = until
		}
		if until.After(last) {
			last = until
		}
	}
	c := fine("nothing that was let go is still there")
	var parts []string
	if back > 0 {
		until := minute(last)
		if minute(first) != until {
			until += ", the first of it until " + minute(first)
		}
		parts = append(parts, fmt.Sprintf("%s can be taken back ('mstore undelete') until %s", byteCount(back), until))
	}
	if due > 0 {
		parts = append(parts, fmt.Sprintf("%s are due for removal by the next gc", byteCount(due)))
		c.Next = "mstore gc"
	}
	if len(parts) > 0 {
		c.Detail = strings.Join(parts, "; ")
	}
	return c, nil
}

// gc tells when it last ran from this workspace, and what by.
func (d *doctor) gc(context.Context) (Check, error) {
	p, err := policy.Parse(d.sn.st.Config)
	if err != nil {
		return warning("mstore config", "the retention policy makes no sense, so that gc refuses to work: %v", err), nil
	}
	rules := "there is no retention policy, everything is kept"
	if !p.Empty() {
		rules = "the policy is " + p.String()
	}
	last, ok := d.s.lastGC()
	if !ok || last.Time.IsZero() {
		return fine("it never ran from here; %s", rules), nil
	}
	return fine("it last ran on %s; %s", minute(last.Time), rules), nil
}

// debris tells of what dead writers have left.
func (d *doctor) debris(ctx context.Context) (Check, error) {
	if d.packErr != nil {
		return Check{}, d.packErr
	}
	named := map[pack.Name]bool{}
	for _, p := range d.live {
		named[p.Name] = true
	}
	var packs, temps, young int
	var bytes int64
	visit := func(key string, info fs.FileInfo) {
		name, isPack := pack.ParseKey(key)
		isTemp := strings.HasPrefix(path.Base(key), vfs.TempPrefix)
		switch old := d.now.Sub(info.ModTime()) > debrisAge; {
		case isPack && named[name], !isPack && !isTemp:
			return
		case !old:
			young++
			return
		case isPack:
			packs++
		default:
			temps++
		}
		bytes += info.Size()
	}
	if d.fs != nil {
		if err := walk(ctx, d.fs, ".", visit); err != nil {
			return Check{}, err
		}
	}
	if packs+temps == 0 {
		if young > 0 {
			return fine("nothing but %s of saves that are under way or were interrupted within a day", numberOf(young, "file", "files")), nil
		}
		return fine("nothing was left over"), nil
	}
	// Without the grace, what could still be taken back would go as well.
	next := "mstore gc --now"
	if p, err := policy.Parse(d.sn.st.Config); err != nil || !p.Empty() || len(d.sn.st.Condemned) > 0 {
		next = "mstore gc"
	}
	return warning(next, "%s that the journal does not name and %s, older than a day, take %s",
		numberOf(packs, "pack", "packs"), numberOf(temps, "temporary file", "temporary files"), byteCount(bytes)), nil
}

// walk visits the regular files below a directory; what goes meanwhile is passed over.
func walk(ctx context.Context, fsys vfs.FS, dir string, visit func(name string, info fs.FileInfo)) error {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		if notExist(err) && dir != "." {
			return nil
		}
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case e.IsDir():
			if err := walk(ctx, fsys, name, visit); err != nil {
				return err
			}
		case e.Type().IsRegular():
			info, err := e.Info()
			if err == nil {
				visit(name, info)
			} else if !notExist(err) {
				return err
			}
		}
	}
	return nil
}

// index tells how far the history index is. It is derived, and never needed.
func (d *doctor) index(ctx context.Context) (Check, error) {
	if d.s.index == nil {
		return fine("there is none"), nil
	}
	if _, err := d.s.root.Stat(workDir + "/index/db"); err != nil {
		return fine("there is none yet: the first question that it is good for makes it"), nil
	}
	st, err := d.s.index.Stat(ctx, &indexSource{d.sn})
	switch {
	case errors.Is(err, index.ErrBusy):
		return fine("another process is at work on it"), nil
	case err != nil:
		return Check{}, err
	case st.Entries == 0:
		return warning("mstore reindex", "the history index cannot be used: it is damaged, of another journal, or not writable; the journal answers in its place"), nil
	}
	detail := fmt.Sprintf("%s in %s", numberOf(st.Versions, "version", "versions"), byteCount(st.Bytes))
	if behind := d.sn.st.Number - st.Entries; behind > 0 {
		detail += fmt.Sprintf(", %s behind the journal", numberOf(int(behind), "entry", "entries"))
	}
	return fine("%s", detail), nil
}

// quoted makes a path one word of a POSIX shell.
func quoted(p string) string {
	return "'" + strings.ReplaceAll(p, "'", `'\''`) + "'"
}
