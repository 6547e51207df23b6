package main

import (
	"context"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const statsLong = `Show how many versions and models the store holds, how large all saved models are
together, how much space they take and why: what was in the store already when it
was saved (deduplicated), what is stored as differences to other pieces (deltas),
and a table of the codecs and one of the formats. Only indexes are read. In the
tables every copy of a piece counts, and a piece counts for the format of the
model that it was first part of.

With --json: store, requests, versions, models, raw_bytes, stored_bytes, packs, ratio, pieces,
distinct_bytes, codecs (codec, pieces, raw_bytes, stored_bytes), formats (format
and the same), deduplicated_bytes, delta_bytes_saved, metadata_bytes,
unused_bytes.

With PATH, of one model: for each version up to HEAD that changed it, newest first,
its size, what the version added to the store (the stored bytes of those of its
pieces that no earlier version of the model has), the number of its pieces, the
codecs they are stored with and the depth of the deepest chain of bases. It is what
they take now: 'mstore repack' moves bytes from one version to another. PATH is
relative to the working directory; REV:PATH ends with REV instead of HEAD.

With --json: path, versions (version, id, status, raw_bytes, added_bytes, pieces,
codecs, depth).

Exit codes: 0 done; 2 wrong usage; 3 no store, or no version has such a model; 4
the store is damaged; 130 interrupted.`

func newStatsCommand(a *app) *cobra.Command {
	var o statsOptions
	cmd := &cobra.Command{
		Use:   "stats [[REV:]PATH]",
		Short: "Show how much the store holds and takes, or one model",
		Long:  statsLong,
		Example: `  mstore stats
  mstore stats --json | jq .stored_bytes
  mstore stats model.json -n 10
  mstore stats exp:model.json --json | jq '[.versions[].added_bytes] | add'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.path = first(args)
			o.limited = cmd.Flags().Changed("limit")
			return runStats(cmd.Context(), a, o)
		},
	}
	cmd.Flags().IntVarP(&o.limit, "limit", "n", 0, "with PATH: at most `N` versions")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

type statsOptions struct {
	path    string
	limit   int
	limited bool
}

func runStats(ctx context.Context, a *app, o statsOptions) error {
	switch {
	case o.limited && o.path == "":
		return usagef("mstore stats model.json -n 10", "-n is for the versions of one model")
	case o.limited && o.limit < 1:
		return usagef("", "-n %d: want a number above 0", o.limit)
	}
	return a.with(ctx, func(s *store.Store) error {
		if o.path != "" {
			return a.statsOf(ctx, s, o)
		}
		st, err := s.Stats(ctx)
		if err != nil {
			return err
		}
		if a.json {
			return writeJSON(a.out, newStatsDoc(st))
		}
		return a.printStats(st)
	})
}

func (a *app) printStats(st *store.Stats) error {
	dim := a.style.dim
	table := columns{}
	row := func(name, value, note string) {
		table.add(cell{text: name, look: dim}, cell{text: value, right: true}, cell{text: note, look: dim})
	}
	count := func(n int) string { return humanize.Comma(int64(n)) }
	if st.Requests > 0 {
		row("requests", humanize.Comma(st.Requests), "for this answer, of "+cleanLine(store.LocationName(st.Location)))
	}
	row("versions", count(st.Versions), "")
	row("models", count(st.Models), "")
	row("saved", humanBytes(st.RawBytes), "")
	row("stored", humanBytes(st.StoredBytes), shareOf(st.StoredBytes, st.RawBytes, "saved"))
	row("pieces", humanize.Comma(st.Pieces), humanBytes(st.DistinctBytes)+" raw")
	row("deduplicated", humanBytes(st.DeduplicatedBytes), "in the store already when it was saved")
	row("deltas saved", humanBytes(st.DeltaBytesSaved), "raw less stored, of pieces stored as differences")
	row("metadata", humanBytes(st.MetadataBytes), "all that is not pieces")
	if st.UnusedBytes > 0 {
		row("unused", humanBytes(st.UnusedBytes), "packs of commits under way or interrupted, and what mstore undelete can take back")
	}
	if st.Promised > 0 {
		row("promised", count(st.Promised), "contents that lie at a remote alone, and are fetched when they are needed")
	}
	row("packs", count(st.Packs), "")
	row("journal", humanBytes(st.JournalBytes), "")
	row("branches", count(st.Branches), "")
	row("tags", count(st.Tags), "")
	row("aliases", count(st.Aliases), "")
	table.write(a.out)

	if st.Pieces > 0 {
		a.out.WriteByte('\n')
		a.tallyTable(st).write(a.out)
	}
	return a.out.failed()
}

// tallyTable is the table of codecs, and that of formats in the same columns.
func (a *app) tallyTable(st *store.Stats) *columns {
	dim := a.style.dim
	table := &columns{}
	head := func(of string) {
		table.add(cell{text: of, look: dim}, cell{text: "pieces", look: dim, right: true}, cell{text: "raw", look: dim, right: true},
			cell{text: "stored", look: dim, right: true}, cell{text: "%", look: dim, right: true})
	}
	row := func(name string, p store.PieceStats) {
		table.add(cell{text: name}, cell{text: humanize.Comma(p.Pieces), right: true}, cell{text: humanBytes(p.RawBytes), right: true},
			cell{text: humanBytes(p.StoredBytes), right: true}, cell{text: percent(p.StoredBytes, p.RawBytes), right: true})
	}
	head("codec")
	for _, c := range st.Codecs {
		row(c.Codec.String(), c.PieceStats)
	}
	table.add()
	head("format")
	for _, f := range st.Formats {
		row(f.Format.String(), f.PieceStats)
	}
	return table
}
