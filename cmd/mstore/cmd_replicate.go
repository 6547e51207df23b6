package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

type replicateOptions struct {
	store.ReplicateOptions
	promote bool
}

func newReplicateCommand(a *app) *cobra.Command {
	var o replicateOptions
	cmd := &cobra.Command{
		Use:   "replicate [NAME|DIR|URL]",
		Short: "Keep a second store as a mirror of this one",
		Long: `Keep a second store as a mirror of this one: a copy of its files, byte for byte, which
is a whole store that can be read, checked, and take over when this one is lost. The
first time say where it is to be, a directory or a URL; that is written into the shared
settings (remote.NAME.url, .id and .mirror). From then on 'mstore replicate' brings all
mirrors up to date; put it into cron, or into a hook.

Only what the mirror lacks is copied, and verified as it arrives. What was deleted here,
by gc or repack, is deleted there at the end. It can be interrupted at any time, and
others may work here meanwhile: the mirror is at every moment as this store was at some
time, or is now. A file that is damaged here is not copied: then nothing that comes after
it is, until 'mstore fsck --repair' has healed it, perhaps from the mirror itself.

A mirror refuses commits. When what it mirrors is lost, work with it as it is ('mstore
--store DIR log'), and make it a store of its own with --promote.

--verify reads the whole mirror afterwards, as fsck does, and replaces what is damaged.
--damaged copies damaged files as they are, where the mirror has none.

With --json: a list of name, url, created, entry_before, entry, time, packs, files, bytes,
deleted, damaged (object, detail), checked, problems, repairs (object, path, from), error.

Exit codes: 0 done; 1 a mirror cannot be reached or written to, or --verify has found
damage there that it could not heal; 2 wrong usage; 3 no store, no such mirror; 4
something is damaged here; 5 what is there is another store, or has entries of its own;
130 interrupted.`,
		Example: `  mstore replicate /mnt/backup/models
  mstore replicate
  mstore replicate --dry-run
  mstore replicate mirror --verify
  mstore --store /mnt/backup/models replicate --promote
  0 * * * * cd /home/me/project && mstore replicate -q`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runReplicate(cmd.Context(), a, first(args), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Name, "name", "", "what a new mirror is called, instead of "+store.DefaultMirror)
	f.BoolVar(&o.Verify, "verify", false, "read the whole mirror afterwards, and replace what is damaged there")
	f.BoolVar(&o.Damaged, "damaged", false, "copy damaged files as they are, where the mirror has none")
	f.BoolVarP(&o.DryRun, "dry-run", "n", false, "only tell what would be copied")
	f.BoolVar(&o.promote, "promote", false, "make this store, which is a mirror, one of its own")
	for _, other := range []string{"name", "verify", "damaged", "dry-run"} {
		cmd.MarkFlagsMutuallyExclusive("promote", other)
	}
	cmd.MarkFlagsMutuallyExclusive("dry-run", "verify")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

func runReplicate(ctx context.Context, a *app, to string, o replicateOptions) error {
	return a.with(ctx, func(s *store.Store) error {
		if o.promote {
			if to != "" {
				return usagef("'mstore --store "+shellQuote(to)+" replicate --promote'", "--promote is for the store itself")
			}
			if err := s.Promote(ctx); err != nil {
				return err
			}
			a.say("this is a store of its own now; what it mirrored must not be written to any more, or the two part ways")
			return nil
		}
		o.Base = a.cwd
		list, err := s.Replicate(ctx, to, o.ReplicateOptions)
		return a.reportReplicate(list, o, err)
	})
}

type mirroredDoc struct {
	Name     string      `json:"name"`
	URL      string      `json:"url"`
	DryRun   bool        `json:"dry_run"`
	Created  bool        `json:"created"`
	Before   uint64      `json:"entry_before"`
	Number   uint64      `json:"entry"`
	Time     string      `json:"time,omitempty"`
	Packs    int         `json:"packs"`
	Files    int         `json:"files"`
	Bytes    int64       `json:"bytes"`
	Deleted  int         `json:"deleted"`
	Damaged  []damageDoc `json:"damaged"`
	Checked  bool        `json:"checked"`
	Problems int         `json:"problems"`
	Repairs  []repairDoc `json:"repairs"`
	Error    string      `json:"error,omitempty"`
}

type damageDoc struct {
	Object string `json:"object"`
	Detail string `json:"detail"`
}

func newMirroredDoc(m store.Mirrored, dryRun bool) mirroredDoc {
	d := mirroredDoc{Name: m.Name, URL: m.URL, DryRun: dryRun, Created: m.Created, Before: m.Before, Number: m.Number, Packs: m.Packs, Files: m.Files,
		Bytes: m.Bytes, Deleted: m.Deleted, Damaged: []damageDoc{}, Checked: m.Checked, Problems: m.Problems, Repairs: []repairDoc{}}
	if !m.Time.IsZero() {
		d.Time = m.Time.UTC().Format(time.RFC3339)
	}
	for _, x := range m.Damaged {
		d.Damaged = append(d.Damaged, damageDoc{x.Key, x.Err.Error()})
	}
	for _, x := range m.Healed {
		d.Repairs = append(d.Repairs, repairDoc(x))
	}
	if m.Err != nil {
		d.Error = m.Err.Error()
	}
	return d
}

// reportReplicate prints what became of each mirror. failed is what ends the command.
func (a *app) reportReplicate(list []store.Mirrored, o replicateOptions, failed error) error {
	problems := 0
	docs := []mirroredDoc{}
	for _, m := range list {
		problems += m.Problems
		docs = append(docs, newMirroredDoc(m, o.DryRun))
	}
	if a.json {
		if len(list) > 0 {
			if err := writeJSON(a.out, docs); err != nil {
				return err
			}
		}
	} else {
		a.progress.close()
		for _, m := range list {
			for _, x := range m.Damaged {
				fmt.Fprintf(a.out, "%s %s: %s\n", a.style.bad.Sprint("damaged"), x.Key, cleanLine(x.Err.Error()))
			}
			for _, x := range m.Healed {
				fmt.Fprintf(a.out, "%s %s there: from %s\n", a.style.good.Sprint("replaced"), cleanLine(strings.TrimSpace(x.Path+" "+x.Object)), x.From)
			}
			if m.Err == nil {
				fmt.Fprintln(a.out, mirrored(m, o.DryRun))
			}
		}
		if err := a.out.failed(); err != nil {
			return err
		}
	}
	if failed == nil && problems > 0 {
		return reportedError{exitFailed}
	}
	return failed
}

// mirrored is one line about a mirror.
func mirrored(m store.Mirrored, dryRun bool) string {
	text := fmt.Sprintf("%s: ", cleanLine(m.Name))
	switch {
	case dryRun && m.Files == 0 && m.Deleted == 0, !dryRun && m.Files == 0 && m.Deleted == 0 && m.Before == m.Number:
		text += "up to date"
	case dryRun:
		text += fmt.Sprintf("%s (%s) would be copied, %s deleted", plural(m.Files, "file"), humanBytes(m.Bytes), plural(m.Deleted, "file"))
	default:
		text += fmt.Sprintf("%s (%s) copied", plural(m.Files, "file"), humanBytes(m.Bytes))
		if m.Deleted > 0 {
			text += fmt.Sprintf(", %d deleted", m.Deleted)
		}
	}
	if m.Before != m.Number {
		text += fmt.Sprintf(", entry %d -> %d", m.Before, m.Number)
	} else {
		text += fmt.Sprintf(", entry %d", m.Number)
	}
	if m.Checked {
		if m.Problems == 0 {
			text += ", checked: intact"
		} else {
			text += fmt.Sprintf(", checked: %s", plural(m.Problems, "problem"))
		}
	}
	return text
}
