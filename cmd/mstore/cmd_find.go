package main

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

const findLong = `Name the versions that saved this very file, newest first, on any branch: the file
may lie anywhere. In place of a file its BLAKE3 may be given, as b3sum or 'mstore ls'
prints it, or at least 4 digits of its beginning. After "now:" stand the branches,
tags and aliases that have it there still.

Of a file that no version holds, the version is named that is most like it: of the
model of that path, or else of that name or size. How much alike they are is
estimated from samples.

With --json a list: version, id, branch, path, blob (the content's ID), exact, now, and
where it is not exact likeness, from 0 to 1.

Exit codes: 0 a version was named; 2 wrong usage; 3 no store, no such file, or no version
that holds it or is like it; 4 the journal is damaged; 130 interrupted.`

func newFindCommand(a *app) *cobra.Command {
	var o findOptions
	cmd := &cobra.Command{
		Use:   "find FILE|HASH",
		Short: "Find the versions that hold a file",
		Long:  findLong,
		Example: `  mstore find /stage/models/oracle.json
  mstore find 6f1d0c2a
  ssh stage b3sum --no-names oracle.json | xargs mstore find`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("mstore find model.json", "find takes one argument, a file or a hash")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.arg = args[0]
			o.limited = cmd.Flags().Changed("limit")
			return runFind(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.IntVarP(&o.limit, "limit", "n", 0, "at most `N` versions")
	f.BoolVar(&o.exact, "exact", false, "do not look for a version that is like the file")
	a.jsonFlag(cmd, "print a list as JSON")
	return cmd
}

type findOptions struct {
	arg     string
	limit   int
	limited bool
	exact   bool
}

type findDoc struct {
	Version  string   `json:"version"`
	ID       string   `json:"id"`
	Branch   string   `json:"branch"`
	Path     string   `json:"path"`
	Blob     string   `json:"blob"`
	Exact    bool     `json:"exact"`
	Likeness *float64 `json:"likeness,omitempty"`
	Now      []string `json:"now"`
}

func runFind(ctx context.Context, a *app, o findOptions) error {
	if o.limited && o.limit < 1 {
		return usagef("", "-n %d: want a number above 0", o.limit)
	}
	return a.with(ctx, func(s *store.Store) error {
		file, blob, err := a.findWhat(ctx, o.arg)
		if err != nil {
			return err
		}
		if file != nil {
			defer file.Close()
		}
		docs := []findDoc{}
		for h, err := range s.Holders(ctx, blob) {
			if err != nil {
				return err
			}
			docs = append(docs, newFindDoc(h, true))
			if len(docs) == o.limit {
				break
			}
		}
		if len(docs) == 0 && file != nil && !o.exact {
			near, err := a.nearest(ctx, s, file)
			if err != nil {
				return err
			}
			if near != nil {
				d := newFindDoc(near.Holder, false)
				d.Likeness = &near.Likeness
				docs = append(docs, d)
			}
		}
		if err := a.printFound(docs); err != nil || len(docs) > 0 {
			return err
		}
		return fmt.Errorf("no version holds %s: %w", cleanLine(o.arg), store.ErrNotFound)
	})
}

// findWhat opens a file and hashes it, or reads a hash; the file is nil then.
func (a *app) findWhat(ctx context.Context, arg string) (*os.File, *index.BlobPrefix, error) {
	name := absolute(a.cwd, arg)
	fi, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if blob, err := store.ParseBlobPrefix(strings.ToLower(arg)); err == nil {
			return nil, blob, nil
		}
		return nil, nil, fmt.Errorf("there is no file %q, and it is no hash: %w", arg, store.ErrNotFound)
	case err != nil:
		return nil, nil, err
	case !fi.Mode().IsRegular():
		return nil, nil, usagef("", "%q is not a regular file", arg)
	}
	h := objects.NewHasher()
	if err := hashFile(ctx, name, []hash.Hash{h}); err != nil {
		return nil, nil, fmt.Errorf("reading %q: %w", arg, err)
	}
	f, err := os.Open(name)
	return f, &index.BlobPrefix{ID: objects.BlobID(h.Sum(nil)), Digits: 2 * objects.IDSize}, err
}

// ctxReaderAt ends with its context.
type ctxReaderAt struct {
	ctx context.Context
	r   io.ReaderAt
}

func (r *ctxReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.ReadAt(p, off)
}

// nearest looks for what is most like a file.
func (a *app) nearest(ctx context.Context, s *store.Store, f *os.File) (*store.Near, error) {
	path, err := s.Rel(a.cwd, f.Name())
	if err != nil { // outside of the root
		path = filepath.Base(f.Name())
	}
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return s.Nearest(ctx, path, &ctxReaderAt{ctx, f}, fi.Size())
}

func newFindDoc(h store.Holder, exact bool) findDoc {
	d := findDoc{Version: h.Version.Name, ID: h.Version.ID.String(), Branch: h.Version.Branch, Path: h.Path,
		Blob: h.Blob.String(), Exact: exact, Now: h.Now}
	if d.Now == nil {
		d.Now = []string{}
	}
	return d
}

func (a *app) printFound(docs []findDoc) error {
	if a.json {
		return writeJSON(a.out, docs)
	}
	table := columns{}
	for _, d := range docs {
		row := []cell{{text: d.Version, look: a.style.version}, {text: d.ID[:10], look: a.style.version},
			{text: cleanLine(d.Branch), look: a.style.branch}, {text: cleanLine(d.Path)}}
		last := ""
		if len(d.Now) > 0 {
			last = "now: " + cleanLine(strings.Join(d.Now, ", "))
		}
		if !d.Exact {
			a.say("no version holds this very file; the nearest is %s alike", likeness(*d.Likeness))
			row = append(row, cell{text: likeness(*d.Likeness), look: a.style.bold})
		}
		table.add(append(row, cell{text: last, wide: true})...)
	}
	return table.write(a.out)
}

func likeness(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }
