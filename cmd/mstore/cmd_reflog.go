package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const reflogLong = `Where a branch, tag or alias pointed, newest first; without NAME the current branch.
NAME@{N} in the first column names where it was: it can be used wherever a version
is asked for. Deleted names still have theirs.

With --json one document per line: name, n, kind, time, from, to (version and id, or
null where there was no such name), reason, who (of commits: the author; else empty).

Exit codes: 0 done; 2 wrong usage; 3 no store, or a name that never was; 4 the journal
is damaged; 130 interrupted.`

func newReflogCommand(a *app) *cobra.Command {
	var o reflogOptions
	cmd := &cobra.Command{
		Use:   "reflog [NAME]",
		Short: "Show where a branch, tag or alias pointed",
		Long:  reflogLong,
		Example: `  mstore reflog
  mstore reflog prod -n 5
  mstore branch -f main main@{1}       # take the last move back`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name, o.limited = first(args), cmd.Flags().Changed("limit")
			return runReflog(cmd.Context(), a, o)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.names(cmd.Context(), word, "", store.Branch, store.Tag, store.Alias), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().IntVarP(&o.limit, "limit", "n", 0, "at most `N` moves")
	a.jsonFlag(cmd, "print one JSON document per move and line")
	return cmd
}

type reflogOptions struct {
	name    string
	limit   int
	limited bool
}

type moveDoc struct {
	Name   string  `json:"name"`
	N      int     `json:"n"` // NAME@{N} is where it was
	Kind   string  `json:"kind"`
	Time   string  `json:"time"`
	From   *refDoc `json:"from"` // null: it was made
	To     *refDoc `json:"to"`   // null: it was deleted
	Reason string  `json:"reason"`
	Who    string  `json:"who"`
}

func newPositionDoc(p *store.Position) *refDoc {
	if p == nil {
		return nil
	}
	return &refDoc{p.Name, p.ID.String()}
}

func runReflog(ctx context.Context, a *app, o reflogOptions) error {
	if o.limited && o.limit < 1 {
		return usagef("", "-n %d: want a number above 0", o.limit)
	}
	return a.with(ctx, func(s *store.Store) error {
		table, n := columns{}, 0
		for m, err := range s.Reflog(ctx, o.name) {
			if err != nil {
				return err
			}
			if a.json {
				err = writeJSON(a.out, &moveDoc{m.Name, m.N, m.Kind.String(), m.Time.UTC().Format(time.RFC3339),
					newPositionDoc(m.From), newPositionDoc(m.To), m.Reason, m.Who})
			} else {
				table.add(a.moveRow(m)...)
				if len(table.rows) == reflogRows {
					err = table.write(a.out)
					table.rows = nil
				}
			}
			if err != nil {
				return err
			}
			if n++; n == o.limit {
				break
			}
		}
		return table.write(a.out)
	})
}

// reflogRows is how many rows are aligned together.
const reflogRows = 1000

func (a *app) moveRow(m *store.Move) []cell {
	st := a.style
	position := func(p *store.Position) cell {
		if p == nil {
			return cell{text: "-", look: st.dim}
		}
		return cell{text: p.Name + " " + p.ID.Short(), look: st.version}
	}
	return []cell{{text: fmt.Sprintf("%s@{%d}", m.Name, m.N), look: st.branch}, {text: ago(m.Time, a.now())},
		position(m.From), {text: "->", look: st.dim}, position(m.To), {text: cleanLine(m.Reason)}, {text: cleanLine(m.Who), look: st.dim}}
}
