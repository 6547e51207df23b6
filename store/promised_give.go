package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/mstore/mstore/exchange"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// give runs a transfer of what leads to tips out of this store. When it ends because
// content is not here that is promised, such content is fetched, as far as the other side
// lacks it, and the transfer runs again.
func (s *Store) give(ctx context.Context, sn *snapshot, tips []journal.Target, lacks func(objects.BlobID) bool, transfer func(*snapshot) error) error {
	err := transfer(sn)
	if !errors.Is(err, exchange.ErrLost) || len(promising(sn.st)) == 0 {
		return err
	}
	fetched, ferr := s.fetchFor(ctx, sn, tips, lacks)
	if ferr != nil {
		return fmt.Errorf("what is sent is not all here: %w", ferr)
	}
	if fetched == 0 {
		return err
	}
	if sn, ferr = s.load(ctx); ferr != nil {
		return ferr
	}
	return transfer(sn)
}

// fetchFor fetches what is promised of the versions that lead to tips, and another store
// lacks, and tells how many contents that were.
func (s *Store) fetchFor(ctx context.Context, sn *snapshot, tips []journal.Target, lacks func(objects.BlobID) bool) (int, error) {
	lines, err := sn.h.Ancestors(ctx, tips)
	if err != nil {
		return 0, classify(err)
	}
	by := map[string][]objects.BlobID{}
	seen := map[objects.BlobID]bool{}
	err = sn.eachVersion(ctx, func(v *Version) error {
		if v.Seq > lines[v.target.Line] {
			return nil
		}
		changes, err := sn.changes(ctx, v)
		if err != nil {
			return err
		}
		for _, ch := range changes {
			if ch.Status == objects.Removed || seen[ch.Blob] {
				continue
			}
			seen[ch.Blob] = true
			x, err := sn.promise(ctx, ch.Blob)
			if err != nil {
				return err
			}
			if x != nil && lacks(ch.Blob) {
				by[x.Remote] = append(by[x.Remote], ch.Blob)
			}
		}
		return nil
	})
	if err != nil {
		return 0, classify(err)
	}
	n := 0
	for _, remote := range promising(sn.st) {
		list := by[remote]
		if len(list) == 0 {
			continue
		}
		if _, err := sn.fetchPromised(ctx, list, remote); err != nil {
			return n, err
		}
		n += len(list)
		if sn.readThrough.Load() {
			return n, as(ErrReadOnly, errors.New("content that is promised cannot be kept here"))
		}
		for _, id := range list { // what several lack is passed over
			if !sn.listed(ctx, id) {
				_, err := sn.fetchPromised(ctx, []objects.BlobID{id}, remote)
				if err == nil {
					continue
				}
				return n, err
			}
		}
	}
	return n, nil
}

// lacks tells which contents the other store has not got.
func (f *far) lacks(ctx context.Context) func(objects.BlobID) bool {
	return func(id objects.BlobID) bool { return !f.sn.listed(ctx, id) }
}

// absentThere decides about content that another store should give and has not got.
func (s *Store) absentThere(f *far) func(exchange.Content) error {
	if f.at.bundle != nil {
		return s.absentHere
	}
	return func(c exchange.Content) error {
		if x, err := f.sn.promise(context.Background(), c.Blob); err == nil && x != nil {
			return as(ErrPromised, fmt.Errorf("%q of v%d %s is not at %s itself, whose own remote %s promises it: run 'mstore fetch --all-content' there, or fetch from %s's remote",
				c.Path, c.Seq, c.Version.Short(), f.remote.title(), x.Remote, f.remote.title()))
		}
		return fmt.Errorf("%q of v%d %s: %w", c.Path, c.Seq, c.Version.Short(), exchange.ErrLost)
	}
}

// FetchAllResult is what FetchAll did.
type FetchAllResult struct {
	Fetched int // contents
	Missing int // contents that the remote has not got any more
	// Whole: nothing is promised by the remote any more.
	Whole bool
}

// FetchAll brings the content that a remote promises, of all versions that came from it,
// as far as filter wants it. When everything is here, the remote's filter is taken away,
// so that it is asked for nothing any more. What has expired there stays away: it has
// expired here too then.
func (s *Store) FetchAll(ctx context.Context, remote string, filter exchange.Filter) (*FetchAllResult, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if remote == "" {
		remote = s.defaultRemote(sn)
	}
	res := &FetchAllResult{}
	if sn.st.Config[remoteKey(remote, remotePartial)] == "" {
		if sn.st.Config[remoteKey(remote, remoteURL)] == "" {
			_, err := findRemote(sn.st, remote)
			return nil, err
		}
		res.Whole = true
		return res, nil
	}
	p, err := s.promisor(ctx, sn, remote)
	if err != nil {
		return nil, err
	}
	wants, err := sn.wants(ctx, remote, filter)
	if err != nil {
		return nil, err
	}
	all, err := sn.promisedBy(ctx, remote, wants)
	if err != nil {
		return nil, err
	}
	if len(all) > 0 {
		_, err = sn.fetchPromised(ctx, all, remote)
	}
	if err != nil && len(all) == 0 {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if sn.readThrough.Load() {
		return nil, as(ErrReadOnly, errors.New("what is promised cannot be kept here"))
	}
	var lost error
	var gone []objects.BlobID
	for _, id := range all {
		if sn.listed(ctx, id) {
			res.Fetched++
			continue
		}
		switch err := p.has(ctx, id); {
		case errors.Is(err, ErrExpired):
			gone = append(gone, id)
		case err != nil && lost == nil:
			lost = err
		}
		res.Missing++
	}
	if lost != nil {
		return res, lost
	}
	if res.Missing > len(gone) { // damaged there
		return res, as(ErrDamaged, fmt.Errorf("the remote %s cannot give %d of what it promised: run mstore fsck there", remote, res.Missing-len(gone)))
	}
	if !filter.All() {
		left, err := sn.promisedBy(ctx, remote, nil)
		if err != nil || len(left) > len(gone) {
			return res, err
		}
	}
	res.Whole = true
	return res, s.unpromise(ctx, sn, remote, gone)
}

// wants makes a test of what a filter wants, by version and path; nil: everything.
func (sn *snapshot) wants(ctx context.Context, remote string, f exchange.Filter) (func(v *Version, path string) bool, error) {
	if f.All() {
		return nil, nil
	}
	depth := map[objects.VersionID]bool{}
	var level []journal.Target
	for _, n := range remoteBranches(sn.st, remote) {
		level = append(level, n.To)
	}
	for d := 0; d < f.Depth && len(level) > 0; d++ {
		var next []journal.Target
		for _, t := range level {
			if depth[t.ID] {
				continue
			}
			depth[t.ID] = true
			parents, err := sn.h.Parents(ctx, t)
			if err != nil {
				return nil, classify(err)
			}
			next = append(next, parents...)
		}
		level = next
	}
	return func(v *Version, path string) bool {
		return (f.Depth == 0 || depth[v.ID]) && !v.Time.Before(f.Since) && f.Path(path)
	}, nil
}

// promisedBy lists the contents that are not here and a remote promises; with wants,
// those of versions that it wants them of.
func (sn *snapshot) promisedBy(ctx context.Context, remote string, wants func(v *Version, path string) bool) (out []objects.BlobID, err error) {
	seen := map[objects.BlobID]bool{}
	err = sn.eachVersion(ctx, func(v *Version) error {
		note := func(path string, id objects.BlobID) error {
			if seen[id] || wants != nil && !wants(v, path) {
				return nil
			}
			seen[id] = true
			x, err := sn.promise(ctx, id)
			if x != nil && x.Remote == remote {
				out = append(out, id)
			}
			return err
		}
		if wants != nil { // all that the version has, not what it changed
			for e, err := range sn.tree(v.Tree).Below(ctx, "") {
				if err == nil {
					err = note(e.Path, e.Blob)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
		changes, err := sn.changes(ctx, v)
		for _, ch := range changes {
			if err == nil && ch.Status != objects.Removed {
				err = note(ch.Path, ch.Blob)
			}
		}
		return err
	})
	return out, classify(err)
}

// NeedsRemote is an ErrConflict when a remote promises content that is not here.
func (s *Store) NeedsRemote(ctx context.Context, remote string) error {
	sn, err := s.load(ctx)
	if err != nil || sn.st.Config[remoteKey(remote, remotePartial)] == "" {
		return err
	}
	list, err := sn.promisedBy(ctx, remote, nil)
	if err != nil || len(list) == 0 {
		return err
	}
	return as(ErrConflict, fmt.Errorf("the remote %s promises %d contents that are not here and would be lost: 'mstore fetch %s --all-content' brings them first (--force forgets it all the same)", remote, len(list), remote))
}

// unpromise takes a remote's filter away. What has expired there is noted as such.
func (s *Store) unpromise(ctx context.Context, sn *snapshot, remote string, gone []objects.BlobID) error {
	expired := map[objects.BlobID]bool{}
	for _, id := range gone {
		expired[id] = true
	}
	var items []journal.Expired
	err := sn.eachVersion(ctx, func(v *Version) error {
		if len(expired) == 0 {
			return nil
		}
		changes, err := sn.changes(ctx, v)
		for _, ch := range changes {
			if ch.Status != objects.Removed && expired[ch.Blob] {
				items = append(items, journal.Expired{Version: v.ID, Entry: v.Entry, Path: ch.Path, Blob: ch.Blob, Size: ch.Size})
			}
		}
		return err
	})
	if err != nil {
		return classify(err)
	}
	number := sn.st.Number
	_, err = s.update(ctx, func(now *snapshot) (ops []journal.Op, err error) {
		if left, err := now.promisedBy(ctx, remote, nil); err != nil {
			return nil, err
		} else if len(left) > len(expired) {
			return nil, as(ErrConflict, fmt.Errorf("more content is promised than there was (journal entry %d): run it again", number))
		}
		for n := 0; n < len(items); n += journal.MaxExpired {
			ops = append(ops, journal.Op{Kind: journal.OpExpire, Reason: "as at the remote " + remote, Expired: items[n:min(n+journal.MaxExpired, len(items))]})
		}
		if now.st.Config[remoteKey(remote, remotePartial)] != "" {
			ops = append(ops, journal.Op{Kind: journal.OpUnsetConfig, Key: remoteKey(remote, remotePartial)})
		}
		return ops, nil
	})
	return err
}
