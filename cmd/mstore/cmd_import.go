package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newImportCommand(a *app) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import DIR",
		Short: "Make history of an existing folder of saved models",
		Long: `Make versions of the files of a folder, on the current branch. Files whose names
differ in a timestamp or a number are versions of one model: with
Itzama_061125_1747_training.json and Itzama_071125_0930_training.json,
Itzama_training.json gets two versions, dated as the names say. Files of one run
(the same name before the timestamp, and the same timestamp) are one version. Files
without a timestamp are dated by their modification time. --as-is keeps every file a
model of its own.

What is found out of a model (source, description, parameters, metrics) becomes
metadata of its version, and so does the file's name. Broken files are imported
too, marked, and listed at the end. What an earlier import has brought is passed
over. Nothing in DIR is touched, and nothing is written to the working directory:
'mstore checkout HEAD' or --checkout brings the newest models there.

--pattern tells how timestamps look, in place of the usual ways: DD MM YY or YYYY
HH mm SS, for example DDMMYY_HHmm; it may be repeated. --dry-run prints the plan.

With --json: dry_run, branch, versions (version, id, time, from_name, source, models:
path, file, size, kind, damaged), damaged (path, file, what), files, models, skipped,
hidden, older, failed (file, error).

Exit codes: 0 done, broken files or not; 1 some files were left out, as they cannot be
read or their names collide with others; 2 wrong usage, or a name that can be read in
two ways (the message says how to go on; nothing was imported); 3 no store or no such
directory; 4 the workspace does not tell the current branch; 5 the store is read-only,
or the current branch does not exist; 130 interrupted, and what was imported stays.`,
		Example: `  mstore import ../old/models --dry-run
  mstore import ../old/models --checkout
  mstore import saves --as-is
  mstore import saves --pattern YYYY.MM.DD-HHmm --into models`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("mstore import ../old/models --dry-run", "import takes one directory")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.dir = args[0]
			return runImport(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.dryRun, "dry-run", "n", false, "print the plan and do nothing")
	f.BoolVar(&o.asIs, "as-is", false, "every file is a model of its own")
	f.StringArrayVar(&o.patterns, "pattern", nil, "how timestamps look in names, such as `DDMMYY_HHmm`; may be repeated")
	f.StringVar(&o.into, "into", "", "put the models below `DIR` of the root")
	f.StringVar(&o.author, "author", "", "who made them (else as commit has it)")
	f.BoolVar(&o.utc, "utc", false, "timestamps in names are UTC, not local time")
	f.BoolVar(&o.checkout, "checkout", false, "bring the newest models to the working directory afterwards")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

type importOptions struct {
	dir, into, author           string
	patterns                    []string
	dryRun, asIs, utc, checkout bool
}

type importDoc struct {
	DryRun   bool               `json:"dry_run"`
	Branch   string             `json:"branch"`
	Versions []importVersionDoc `json:"versions"`
	Damaged  []importDamagedDoc `json:"damaged"`
	Files    int                `json:"files"`
	Models   int                `json:"models"`
	Skipped  int                `json:"skipped"`
	Hidden   int                `json:"hidden"`
	Older    int                `json:"older"` // versions that are older than what the branch had
	Failed   []importFailDoc    `json:"failed"`
}

type importVersionDoc struct {
	Version  string           `json:"version"` // empty in a dry run
	ID       string           `json:"id"`
	Time     string           `json:"time"`
	FromName bool             `json:"from_name"`
	Source   string           `json:"source"`
	Models   []importModelDoc `json:"models"`
}

type importModelDoc struct {
	Path    string `json:"path"`
	File    string `json:"file"`
	Size    int64  `json:"size"`
	Kind    string `json:"kind"`
	Damaged bool   `json:"damaged"`
}

type importDamagedDoc struct {
	Path string `json:"path"`
	File string `json:"file"`
	What string `json:"what"`
}

type importFailDoc struct {
	File  string `json:"file"`
	Error string `json:"error"`
}

func runImport(ctx context.Context, a *app, o importOptions) error {
	so := store.ImportOptions{Dir: absolute(a.cwd, o.dir), Patterns: o.patterns, AsIs: o.asIs, DryRun: o.dryRun, Author: o.author}
	if o.utc {
		so.Location = time.UTC
	}
	return a.with(ctx, func(s *store.Store) (err error) {
		if o.into != "" {
			if so.Into, err = s.Rel(a.cwd, o.into); err != nil {
				return err
			}
		}
		res, err := s.Import(ctx, so)
		if err != nil {
			if res != nil && len(res.Versions) > 0 {
				a.say("%s imported before that; the same command goes on", plural(len(res.Versions), "version"))
			}
			return err
		}
		if o.checkout && !o.dryRun {
			if err := a.importCheckout(ctx, s, res); err != nil {
				return err
			}
		}
		if a.json {
			err = writeJSON(a.out, newImportDoc(res, o.dryRun))
		} else {
			err = a.printImport(res, o)
		}
		if err == nil && len(res.Failed) > 0 {
			err = reportedError{exitFailed}
		}
		return err
	})
}

// importCheckout brings the models that were imported to the working directory.
func (a *app) importCheckout(ctx context.Context, s *store.Store, res *store.ImportResult) error {
	seen := map[string]bool{}
	var paths []string
	for _, v := range res.Versions {
		for _, m := range v.Models {
			if !seen[m.Path] {
				seen[m.Path] = true
				paths = append(paths, m.Path)
			}
		}
	}
	if len(paths) == 0 {
		return nil
	}
	done, err := s.Checkout(ctx, store.CheckoutOptions{Rev: "HEAD", Paths: paths})
	if done != nil && done.SafetyName != "" {
		a.saySafety(done, s.Root(), "")
	}
	return err
}

func newImportDoc(res *store.ImportResult, dryRun bool) *importDoc {
	d := &importDoc{DryRun: dryRun, Branch: res.Branch, Versions: []importVersionDoc{}, Damaged: []importDamagedDoc{}, Files: res.Files, Models: res.Models, Skipped: res.Skipped,
		Hidden: res.Hidden, Older: res.Older, Failed: []importFailDoc{}}
	for _, f := range res.Failed {
		d.Failed = append(d.Failed, importFailDoc{f.File, f.Err.Error()})
	}
	for _, v := range res.Versions {
		x := importVersionDoc{Time: v.Time.UTC().Format(time.RFC3339), FromName: v.FromName, Source: v.Source, Models: []importModelDoc{}}
		if v.Version != nil {
			x.Version, x.ID = v.Version.Name, v.Version.ID.String()
		}
		for _, m := range v.Models {
			x.Models = append(x.Models, importModelDoc{m.Path, m.File, m.Size, m.Kind, m.Damaged != ""})
			if m.Damaged != "" {
				d.Damaged = append(d.Damaged, importDamagedDoc{m.Path, m.File, m.Damaged})
			}
		}
		d.Versions = append(d.Versions, x)
	}
	return d
}

func (a *app) printImport(res *store.ImportResult, o importOptions) error {
	a.progress.close()
	out, st := a.out, a.style
	table := columns{}
	files := 0
	var damaged []store.ImportedModel
	for _, v := range res.Versions {
		for i, m := range v.Models {
			files++
			name, when := "", ""
			if i == 0 {
				when = v.Time.Format("2006-01-02 15:04:05")
				if !v.FromName {
					when += " (file's)"
				}
				if v.Version != nil {
					name = v.Version.Name
				}
			}
			note := cell{text: kindOr(m.Kind, "?"), look: st.dim}
			if m.Damaged != "" {
				damaged = append(damaged, m)
				note = cell{text: "DAMAGED", look: st.bad}
			}
			row := []cell{{text: name, look: st.version}, {text: when, look: st.dim}, {text: cleanLine(m.Path)}, {text: humanBytes(m.Size), right: true}, note, {text: cleanLine(m.File), look: st.dim}}
			if o.dryRun {
				row = row[1:]
			}
			table.add(row...)
		}
	}
	table.write(out)
	if len(damaged) > 0 {
		fmt.Fprintf(out, "\n%s\n", st.bad.Sprint("damaged, and imported as they are:"))
		for _, m := range damaged {
			fmt.Fprintf(out, "  %s  %s\n", cleanLine(m.File), cleanLine(strings.TrimSpace(m.Damaged)))
		}
	}
	if len(res.Failed) > 0 {
		fmt.Fprintf(out, "\n%s\n", st.bad.Sprint("left out:"))
		for _, f := range res.Failed {
			fmt.Fprintf(out, "  %s  %s\n", cleanLine(f.File), cleanLine(f.Err.Error()))
		}
	}
	if len(res.Versions)+len(res.Failed) > 0 {
		fmt.Fprintln(out)
	}
	does := "imported"
	if o.dryRun {
		does = "would import"
	}
	fmt.Fprintf(out, "%s %s as %s of %s on %s", does, plural(files, "file"), plural(len(res.Versions), "version"), plural(res.Models, "model"), st.branch.Sprint(res.Branch))
	if res.Skipped > 0 {
		fmt.Fprintf(out, "; %s there already", plural(res.Skipped, "file"))
	}
	if res.Hidden > 0 {
		fmt.Fprintf(out, "; %s passed over", plural(res.Hidden, "hidden file"))
	}
	fmt.Fprintln(out)
	if res.Older > 0 {
		a.warn(fmt.Sprintf("%s older than what %s had, and in line after it: HEAD may have older models now than before (mstore log, mstore branch -f)", versionsAre(res.Older), res.Branch))
	}
	if !o.dryRun && !o.checkout && files > 0 {
		a.say("the working directory is as it was; 'mstore checkout HEAD' brings the newest models there")
	}
	return out.failed()
}

func versionsAre(n int) string {
	if n == 1 {
		return "1 version is"
	}
	return fmt.Sprintf("%d versions are", n)
}
