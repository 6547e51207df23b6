package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

func newStatusCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what is not saved",
		Long: `Show the current branch, its newest version, how it compares with its upstream
('mstore branch --set-upstream-to'), which models changed or are gone since, which files are not under version control, and which safety versions
checkout has made.

With --json: branch, version, id, upstream (null, or name, gone, ahead, behind),
clean, changes (path, status, id, size), untracked, safety, pending (null, or the
version and id that an interrupted merge has made).

Exit codes: 0 done, saved or not; 2 wrong usage; 3 no store; 4 the store is
damaged; 130 interrupted.`,
		Example: `  mstore status
  mstore status --json | jq .clean`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runStatus(cmd.Context(), a) },
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

type statusDoc struct {
	Branch    string       `json:"branch"`
	Version   string       `json:"version"` // empty before the first commit
	ID        string       `json:"id"`
	Upstream  *upstreamDoc `json:"upstream"`
	Clean     bool         `json:"clean"` // no changes; untracked files do not count
	Changes   []modelDoc   `json:"changes"`
	Behind    []modelDoc   `json:"behind"` // saved by others since, and not brought here
	Untracked []string     `json:"untracked"`
	Safety    []string     `json:"safety"`  // names of safety versions, oldest first
	Pending   *refDoc      `json:"pending"` // made by an interrupted merge that did not bring the models on disk to it
}

// maxSafety is how many safety versions status shows, the newest.
const maxSafety = 5

func runStatus(ctx context.Context, a *app) error {
	return a.with(ctx, func(s *store.Store) error {
		status, err := s.Status(ctx)
		if err != nil {
			return err
		}
		if a.json {
			return writeJSON(a.out, newStatusDoc(status))
		}
		return a.printStatus(status)
	})
}

func newStatusDoc(s *store.Status) *statusDoc {
	d := &statusDoc{
		Branch: s.Branch, Clean: len(s.Changes) == 0,
		Upstream: newUpstreamDoc(s.Upstream), Pending: newRefDoc(s.Pending),
		Changes: statusModels(s.Changes), Behind: statusModels(s.Behind), Untracked: list(s.Untracked), Safety: list(s.Safety),
	}
	if s.Head != nil {
		d.Version, d.ID = s.Head.Name, s.Head.ID.String()
	}
	return d
}

func statusModels(changes []objects.Change) []modelDoc {
	out := make([]modelDoc, len(changes))
	for i, c := range changes {
		out[i] = modelDoc{Path: c.Path, Size: c.Size, Status: c.Status.String()}
		if c.Blob != (objects.BlobID{}) {
			out[i].ID = c.Blob.String()
		}
	}
	return out
}

func (a *app) printStatus(s *store.Status) error {
	a.progress.close()
	out, st := a.out, a.style
	fmt.Fprintf(out, "on branch %s", st.branch.Sprint(s.Branch))
	if s.Head != nil {
		fmt.Fprintf(out, " at %s, %s", st.version.Sprintf("%s %s", s.Head.Name, s.Head.ID.Short()), ago(s.Head.Time, a.now()))
	} else {
		out.WriteString(", no versions yet")
	}
	out.WriteByte('\n')
	if up := showUpstream(s.Upstream); up != "" {
		fmt.Fprintln(out, up)
	}
	if v := s.Pending; v != nil {
		fmt.Fprintf(out, "\nthe merge that made %s was interrupted before all models on disk were brought to it %s\n",
			st.version.Sprintf("%s %s", v.Name, v.ID.Short()), st.dim.Sprint("(the next command that saves or checks out does)"))
	}

	if len(s.Changes) > 0 {
		fmt.Fprintf(out, "\nnot saved %s\n", st.dim.Sprint("(mstore commit -a saves, mstore checkout HEAD takes back)"))
		table := columns{indent: "  "}
		for _, c := range s.Changes {
			table.add(st.changeRow(c)...)
		}
		table.write(out)
	}
	if len(s.Behind) > 0 {
		fmt.Fprintf(out, "\nsaved by others, and not brought here %s\n", st.dim.Sprint("(mstore checkout HEAD does)"))
		table := columns{indent: "  "}
		for _, c := range s.Behind {
			table.add(st.changeRow(c)[:2]...)
		}
		table.write(out)
	}
	if len(s.Untracked) > 0 {
		fmt.Fprintf(out, "\nnot under version control %s\n", st.dim.Sprint("(mstore commit PATH adds)"))
		for _, p := range s.Untracked {
			fmt.Fprintf(out, "  %s %s\n", st.dim.Sprint("?"), cleanLine(p))
		}
	}
	if n := len(s.Safety); n > 0 {
		fmt.Fprintf(out, "\nkept off the branches: what checkout would have overwritten, and what was refused %s\n", st.dim.Sprint("(mstore show NAME, mstore checkout NAME PATH)"))
		if n > maxSafety {
			fmt.Fprintf(out, "  %s\n", st.dim.Sprintf("… %d older", n-maxSafety))
		}
		for _, name := range s.Safety[max(0, n-maxSafety):] {
			fmt.Fprintf(out, "  %s\n", st.tag.Sprint(name))
		}
	}
	if len(s.Changes)+len(s.Behind) == 0 && len(s.Untracked) == 0 && s.Head != nil {
		out.WriteString("everything is saved\n")
	}
	return out.failed()
}
