package store

import (
	"context"
	"strings"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// Stats are figures of a store.
type Stats struct {
	Versions     int   // made so far, on all branches, without safety versions
	Models       int   // in the head of the current branch
	RawBytes     int64 // what separate copies of everything ever saved would take
	StoredBytes  int64 // all files of the store
	JournalBytes int64 // the journal's part of it
	Packs        int
	Branches     int
	Tags         int
	Aliases      int
}

// Stats adds up the history and the store's files.
func (s *Store) Stats(ctx context.Context) (*Stats, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	st := &Stats{}
	if n, ok := sn.st.Names[s.head().Branch]; ok {
		v, err := sn.version(ctx, n.To)
		if err != nil {
			return nil, err
		}
		st.Models = v.Models
	}
	for e, err := range sn.h.Entries(ctx, 0) {
		if err != nil {
			return nil, classify(err)
		}
		v, err := sn.versionOf(e)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		if e.Commit().NameKind == journal.Branch {
			st.Versions++
		}
		changes, err := sn.changes(ctx, v)
		if err != nil {
			return nil, err
		}
		for _, c := range changes {
			if c.Status != objects.Removed {
				st.RawBytes += c.Size
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
	for _, prefix := range []string{"journal/", pack.Prefix, formatKey} {
		infos, err := s.b.List(ctx, prefix, "", 0)
		if err != nil {
			return nil, classify(err)
		}
		for _, i := range infos {
			st.StoredBytes += i.Size
			switch {
			case prefix == "journal/":
				st.JournalBytes += i.Size
			case strings.HasSuffix(i.Key, ".pack"):
				st.Packs++
			}
		}
	}
	return st, nil
}
