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

// FetchAllResult is what FetchAll did.
type FetchAllResult struct {
	Fetched int // contents
	Missing int // contents that the remote has not got any more
	// Whole: nothing is promised by the remote any more.
	Whole bool
}

// FetchAll brings all content that a remote promises: of all versions that came from it.
// When everything is here, the remote's filter is taken away, so that it is asked for
// nothing any more. What has expired there stays away: it has expired here too.
func (s *Store) FetchAll(ctx context.Context, remote string) (*FetchAllResult, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	res := &FetchAllResult{}
	if sn.st.Config[remotePrefix+remote+partialSuffix] == "" {
		if sn.st.Config[remotePrefix+remote+".url"] == "" {
			return nil, as(ErrNotFound, fmt.Errorf("no remote %q", remote))
		}
		res.Whole = true
		return res, nil
	}
	p, err := s.promisor(ctx, sn, remote)
	if err != nil {
		return nil, err
	}
	all, err := sn.promisedBy(ctx, remote)
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
	res.Whole = true
	return res, s.unpromise(ctx, sn, remote, gone)
}

// promisedBy lists the contents that are not here and a remote promises.
func (sn *snapshot) promisedBy(ctx context.Context, remote string) (out []objects.BlobID, err error) {
	seen := map[objects.BlobID]bool{}
	err = sn.eachVersion(ctx, func(v *Version) error {
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
			if x != nil && x.Remote == remote {
				out = append(out, ch.Blob)
			}
		}
		return nil
	})
	return out, classify(err)
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
		if left, err := now.promisedBy(ctx, remote); err != nil {
			return nil, err
		} else if len(left) > len(expired) {
			return nil, as(ErrConflict, fmt.Errorf("more content is promised than there was (journal entry %d): run it again", number))
		}
		for n := 0; n < len(items); n += journal.MaxExpired {
			ops = append(ops, journal.Op{Kind: journal.OpExpire, Reason: "as at the remote " + remote, Expired: items[n:min(n+journal.MaxExpired, len(items))]})
		}
		if now.st.Config[remotePrefix+remote+partialSuffix] != "" {
			ops = append(ops, journal.Op{Kind: journal.OpUnsetConfig, Key: remotePrefix + remote + partialSuffix})
		}
		return ops, nil
	})
	return err
}
