package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

const showLong = `Show the whole of one version, HEAD's without REV: ID, parents, time, author, how it
came to be (source, git commit, host, environment, other metadata), message,
metrics, parameters, what validation said, and all its models (+ added, ~ changed,
- removed by this version). With --json one document as 'log --json' prints, whose
models are all those of the version and those it removed, each with its status.

REV:PATH shows one model: its ID, its size and what the version did to it. PATH is
relative to the root, or to the working directory if it begins with ./ or ../.
With --json: version, id, branch, model (path, id, size, status).

--storage shows how that model is stored: its format, what its pieces take, each
counted once, and for each piece where it begins, its raw bytes, the codec, its
stored bytes, with how many other pieces it is decoded (bases), how deep their
chain is, and the pack. Nothing is decoded or verified; 'mstore fsck' does that. Of
more than 40 pieces the first 20 and the last 5 are shown, with --json all. Its
fields: those above, format, raw_bytes, stored_bytes, ratio, pieces (offset, id,
raw_bytes, codec, stored_bytes, bases, depth, pack).

Exit codes: 0 done; 2 wrong usage; 3 no store, no such version or model; 4 the
store is damaged there; 130 interrupted.`

func newShowCommand(a *app) *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show [REV[:PATH]]",
		Short: "Show the whole of one version, or one of its models",
		Long:  showLong,
		Example: `  mstore show
  mstore show v12
  mstore show prod~1 --json
  mstore show v12:model.json
  mstore show HEAD:model.json --storage
  mstore show HEAD:model.json --storage --json | jq '.pieces | max_by(.depth)'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.arg = first(args)
			return runShow(cmd.Context(), a, o)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if _, _, ok := splitRevPath(word); ok {
				return a.completeRevPath(cmd, args, word)
			}
			return a.completeRev(false)(cmd, args, word)
		},
	}
	cmd.Flags().BoolVar(&o.storage, "storage", false, "how the model is stored")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

type showOptions struct {
	arg     string // REV or REV:PATH
	storage bool
}

func runShow(ctx context.Context, a *app, o showOptions) error {
	_, _, one := splitRevPath(o.arg)
	if o.storage && !one {
		return usagef("write REV:PATH, for example: mstore show HEAD:model.json --storage", "--storage is of one model")
	}
	return a.with(ctx, func(s *store.Store) error {
		if one {
			rev, path, err := a.revPath(s, o.arg)
			switch {
			case err != nil:
				return err
			case o.storage:
				return a.showStorage(ctx, s, rev, path)
			}
			return a.showModel(ctx, s, rev, path)
		}
		v, err := s.Show(ctx, headUnless(o.arg))
		if err != nil {
			return err
		}
		models, err := allModels(ctx, s, v)
		if err != nil {
			return err
		}
		expired, err := s.Expired(ctx)
		if err != nil {
			return err
		}
		if a.json {
			doc, err := newVersionDoc(v, models).withNames(v).withExpired(ctx, expired, models)
			if err != nil {
				return err
			}
			return writeJSON(a.out, doc)
		}
		return a.printVersion(ctx, v, models, expired)
	})
}

func headUnless(rev string) string {
	if rev == "" {
		return "HEAD"
	}
	return rev
}

// allModels lists what a version holds and what it removed, by path, each with
// what the version did to it.
func allModels(ctx context.Context, s *store.Store, v *store.Version) ([]objects.Change, error) {
	changes, err := changesOf(ctx, s, v)
	if err != nil {
		return nil, err
	}
	out := make([]objects.Change, 0, v.Models+v.Removed)
	for m, err := range s.Models(ctx, v, "") {
		if err != nil {
			return nil, err
		}
		for len(changes) > 0 && changes[0].Path < m.Path {
			out, changes = append(out, changes[0]), changes[1:]
		}
		if len(changes) > 0 && changes[0].Path == m.Path {
			out, changes = append(out, changes[0]), changes[1:]
			continue
		}
		out = append(out, objects.Change{Path: m.Path, Blob: m.Blob, Size: m.Size, PrevSize: m.Size, Status: objects.Unchanged})
	}
	return append(out, changes...), nil
}

func (a *app) printVersion(ctx context.Context, v *store.Version, models []objects.Change, expired *store.Expired) error {
	a.progress.close()
	out, st := a.out, a.style
	head := st.version.Sprintf("%s %s", v.Name, v.ID)
	if names := st.names(v); names != "" {
		head += " " + names
	}
	fmt.Fprintln(out, head)

	facts := columns{}
	fact := func(name, value string) {
		if value != "" {
			facts.add(cell{text: name, look: st.dim}, cell{text: cleanLine(value)})
		}
	}
	fact("branch", v.Branch)
	for _, p := range v.Ancestry() {
		fact("parent", strings.TrimSpace(p.Name+" "+p.ID.String()))
	}
	fact("time", absoluteTime(v.Time)+" ("+ago(v.Time, a.now())+")")
	fact("author", v.Author)
	fact("source", sourceFact(v))
	fact("git", gitFact(v.Meta))
	fact("system", systemFact(v.Meta))
	facts.write(out)

	if msg := strings.TrimSpace(v.Message); msg != "" {
		fmt.Fprintf(out, "\n    %s\n", strings.ReplaceAll(cleanText(msg), "\n", "\n    "))
	}
	a.printValues("metrics", v.Metrics)
	a.printValues("params", v.Params)
	env, other := otherMeta(v.Meta)
	a.printValues("environment", env)
	a.printValues("metadata", other)
	a.printQuality(v)

	fmt.Fprintf(out, "\n%s, %s\n", plural(v.Models, "model"), humanBytes(v.Bytes))
	table := columns{indent: "  "}
	for _, c := range models {
		row, err := st.markExpired(ctx, expired, c, append(st.changeRow(c), cell{text: c.Blob.Short(), look: st.dim}))
		if err != nil {
			return err
		}
		table.add(row...)
	}
	table.write(out)
	return out.failed()
}

func (a *app) printValues(title string, m map[string]any) {
	if len(m) == 0 {
		return
	}
	fmt.Fprintf(a.out, "\n%s\n", title)
	table := columns{indent: "  "}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		table.add(cell{text: cleanLine(k), look: a.style.dim}, cell{text: showValue(m[k])})
	}
	table.write(a.out)
}
