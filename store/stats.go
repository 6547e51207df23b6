package store

import (
	"context"
	"errors"
	"strings"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/bucket"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// Stats are figures of a store. StoredBytes is the sum of the stored bytes of
// all Codecs (or all Formats), MetadataBytes and UnusedBytes.
type Stats struct {
	Location string // where the store lies: a directory, or the URL of a bucket
	Requests int64  // made of the bucket since the store was opened; 0 for a directory

	Versions     int   // made so far, on all branches, without safety versions
	Models       int   // in the head of the current branch
	RawBytes     int64 // what separate copies of everything ever saved would take
	StoredBytes  int64 // all files of the store
	JournalBytes int64 // the journal's part of it
	Promised     int   // contents that lie at a remote alone
	Packs        int
	Branches     int
	Tags         int
	Aliases      int

	Pieces        int64 // in live packs, each counted once
	DistinctBytes int64 // their raw bytes
	// Codecs and Formats count every copy of a piece; only those that occur, in
	// order of their numbers.
	Codecs  []CodecStats
	Formats []FormatStats

	DeduplicatedBytes int64 // RawBytes less DistinctBytes, at least 0: what was in the store already when it was saved
	DeltaBytesSaved   int64 // raw less stored bytes of the pieces whose codec has bases
	MetadataBytes     int64 // live packs, index segments and journal less what pieces take
	UnusedBytes       int64 // packs that the journal does not name: of commits under way or interrupted
}

// Ratio is raw through stored bytes; 0 when nothing was saved yet.
func (st *Stats) Ratio() float64 { return ratio(st.RawBytes, st.StoredBytes) }

func ratio(raw, stored int64) float64 {
	if stored == 0 {
		return 0
	}
	return float64(raw) / float64(stored)
}

// Stats adds up the history, the indexes and the store's files. No content is
// read.
func (s *Store) Stats(ctx context.Context) (*Stats, error) {
	var st *Stats
	err := s.twice(ctx, func(sn *snapshot) error {
		st = &Stats{}
		if err := s.addHistory(ctx, sn, st); err != nil {
			return err
		}
		t, err := s.tally(ctx, sn)
		if err != nil {
			return err
		}
		return s.addFiles(ctx, st, t)
	})
	if err != nil {
		return nil, err
	}
	st.Location, st.Requests = s.location, s.requests()
	return st, nil
}

// requests is how many requests were made of the bucket since the store was opened.
func (s *Store) requests() int64 {
	if r, ok := backend.Uncached(s.b).(interface{ Requests() bucket.Requests }); ok {
		return r.Requests().Total()
	}
	return 0
}

// twice runs f on the newest snapshot, and once more when a file has gone:
// others may have folded or repacked since the snapshot was made.
func (s *Store) twice(ctx context.Context, f func(*snapshot) error) error {
	for again := false; ; again = true {
		sn, err := s.load(ctx)
		if err == nil {
			err = classify(f(sn))
		}
		if again || !errors.Is(err, backend.ErrNotFound) {
			return err
		}
	}
}

// addHistory counts versions and names, and what was ever saved.
func (s *Store) addHistory(ctx context.Context, sn *snapshot, st *Stats) error {
	seen := map[objects.BlobID]bool{} // of a store with promises
	partial := len(promising(sn.st)) > 0
	if n, ok := sn.st.Names[s.head().Branch]; ok {
		v, err := sn.version(ctx, n.To)
		if err != nil {
			return err
		}
		st.Models = v.Models
	}
	for e, err := range sn.h.Entries(ctx, 0) {
		if err != nil {
			return err
		}
		v, err := sn.versionOf(e)
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		if e.Commit().NameKind != journal.Safety {
			st.Versions++
		}
		changes, err := sn.changes(ctx, v)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if c.Status != objects.Removed {
				st.RawBytes += c.Size
				if partial && !seen[c.Blob] {
					seen[c.Blob] = true
					if x, err := sn.promise(ctx, c.Blob); err != nil {
						return err
					} else if x != nil {
						st.Promised++
					}
				}
			}
		}
	}
	for _, n := range sn.st.Names {
		switch n.Kind {
		case journal.Branch:
			st.Branches++
		case journal.Tag:
			st.Tags++
		case journal.Alias:
			st.Aliases++
		}
	}
	return nil
}

// addFiles adds up the files, and sets off against them what pieces take.
func (s *Store) addFiles(ctx context.Context, st *Stats, t *tally) error {
	for _, prefix := range []string{"journal/", pack.Prefix, formatKey} {
		infos, err := s.b.List(ctx, prefix, "", 0)
		if err != nil {
			return err
		}
		for _, i := range infos {
			st.StoredBytes += i.Size
			switch {
			case prefix == "journal/":
				st.JournalBytes += i.Size
			case strings.HasSuffix(i.Key, ".pack"):
				st.Packs++
				if name, ok := pack.ParseKey(i.Key); ok && !t.live[name] {
					st.UnusedBytes += i.Size
				}
			}
		}
	}
	t.fill(st)
	st.DeduplicatedBytes = max(0, st.RawBytes-st.DistinctBytes)
	st.MetadataBytes = st.StoredBytes - st.UnusedBytes
	for _, c := range st.Codecs {
		st.MetadataBytes -= c.StoredBytes
	}
	return nil
}
