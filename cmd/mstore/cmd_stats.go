package main

import (
	"context"
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newStatsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Show how much the store holds and takes",
		Long: `Show how many versions and models the store holds, how large all saved models are
together, and how much space they take.

With --json: versions, models, raw_bytes, stored_bytes, packs.

Exit codes: 0 done; 2 wrong usage; 3 no store; 4 the store is damaged; 130
interrupted.`,
		Example: `  mstore stats
  mstore stats --json | jq .stored_bytes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runStats(cmd.Context(), a) },
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

func runStats(ctx context.Context, a *app) error {
	return a.with(ctx, func(s *store.Store) error {
		st, err := s.Stats(ctx)
		if err != nil {
			return err
		}
		if a.json {
			return writeJSON(a.out, struct {
				Versions    int   `json:"versions"`
				Models      int   `json:"models"`
				RawBytes    int64 `json:"raw_bytes"`
				StoredBytes int64 `json:"stored_bytes"`
				Packs       int   `json:"packs"`
			}{st.Versions, st.Models, st.RawBytes, st.StoredBytes, st.Packs})
		}
		table := columns{}
		row := func(name, value, note string) {
			table.add(cell{text: name, look: a.style.dim}, cell{text: value, right: true}, cell{text: note, look: a.style.dim})
		}
		row("versions", humanize.Comma(int64(st.Versions)), "")
		row("models", humanize.Comma(int64(st.Models)), "")
		row("saved", humanBytes(st.RawBytes), "")
		note := ""
		if st.RawBytes > 0 {
			note = fmt.Sprintf("%.1f%% of saved", 100*float64(st.StoredBytes)/float64(st.RawBytes))
		}
		row("stored", humanBytes(st.StoredBytes), note)
		row("packs", humanize.Comma(int64(st.Packs)), "")
		row("journal", humanBytes(st.JournalBytes), "")
		row("branches", humanize.Comma(int64(st.Branches)), "")
		row("tags", humanize.Comma(int64(st.Tags)), "")
		row("aliases", humanize.Comma(int64(st.Aliases)), "")
		return table.write(a.out)
	})
}
