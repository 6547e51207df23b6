package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newLsCommand(a *app) *cobra.Command {
	var o lsOptions
	cmd := &cobra.Command{
		Use:   "ls [REV] [PATH...]",
		Short: "List the models of a version",
		Long: `List the models of HEAD or of REV, by path: path, size and the beginning of the
ID. With PATHs only these models and what lies in these directories. A model's ID
is the BLAKE3 of its bytes, as b3sum prints it.

Of a store that was cloned in part it is told what is not here: promised by the remote
that has it, and fetched when it is needed.

With --json: version, id, branch, models (path, id, size; expired or promised, where the
content was let go or lies at a remote alone).

Exit codes: 0 done; 2 wrong usage; 3 no store, no such version or model; 4 the
store is damaged there; 130 interrupted.`,
		Example: `  mstore ls
  mstore ls v12
  mstore ls prod checkpoints/
  mstore ls --json | jq -r '.models[] | .id + "  " + .path' | b3sum --check`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args, o.dash = args, cmd.ArgsLenAtDash()
			return runLs(cmd.Context(), a, o)
		},
		ValidArgsFunction: a.completeRev(true),
	}
	a.jsonFlag(cmd, "print JSON: version, id, branch, models")
	return cmd
}

type lsOptions struct {
	args []string
	dash int
}

func runLs(ctx context.Context, a *app, o lsOptions) error {
	return a.with(ctx, func(s *store.Store) error {
		r, err := a.splitRevPaths(ctx, s, o.args, o.dash)
		if err != nil {
			return err
		}
		v, err := s.Show(ctx, headUnless(r.rev))
		if err != nil {
			return err
		}
		models, err := modelsBelow(ctx, s, v, r.paths)
		if err != nil {
			return r.explain(err, first(o.args))
		}
		all, err := s.Expired(ctx)
		if err != nil {
			return err
		}
		doc := newModelsDoc(v, models)
		table := columns{}
		for i, m := range models {
			row := []cell{{text: cleanLine(m.Path)}, {text: humanBytes(m.Size), right: true}, {text: m.Blob.Short(), look: a.style.dim}}
			x, err := all.Of(ctx, m.Blob)
			if err != nil {
				return err
			}
			if x != nil {
				doc.Models[i].Expired = newExpiredDoc(x)
				row = append(row, cell{text: "expired " + x.Time.UTC().Format("2006-01-02"), look: a.style.removed})
			} else if p, err := all.Promise(ctx, m.Blob); err != nil {
				return err
			} else if p != nil {
				doc.Models[i].Promised = p.Remote
				row = append(row, a.style.promised(p))
			}
			table.add(row...)
		}
		if a.json {
			return writeJSON(a.out, doc)
		}
		return table.write(a.out)
	})
}

// modelsBelow lists the models at or below each of the paths, or all.
func modelsBelow(ctx context.Context, s *store.Store, v *store.Version, paths []string) ([]store.Model, error) {
	if len(paths) == 0 {
		paths = []string{""}
	}
	var models []store.Model
	for _, p := range paths {
		if p == "." {
			p = ""
		}
		n := len(models)
		for m, err := range s.Models(ctx, v, p) {
			if err != nil {
				return nil, err
			}
			models = append(models, m)
		}
		if len(models) == n && p != "" {
			return nil, notSaved([]string{p})
		}
	}
	return models, nil
}

type modelsDoc struct {
	Version string     `json:"version"`
	ID      string     `json:"id"`
	Branch  string     `json:"branch"`
	Models  []modelDoc `json:"models"`
}

func newModelsDoc(v *store.Version, models []store.Model) *modelsDoc {
	d := &modelsDoc{Version: v.Name, ID: v.ID.String(), Branch: v.Branch, Models: make([]modelDoc, len(models))}
	for i, m := range models {
		d.Models[i] = modelDoc{Path: m.Path, ID: m.Blob.String(), Size: m.Size}
	}
	return d
}
