package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const wrapperLong = `{"metadata":…,"data":…}`

func newWrapCommand(a *app) *cobra.Command {
	cmd := newWrapperCommand(a, false)
	cmd.Use = "wrap PATH..."
	cmd.Short = "Put metadata around JSON models, in their files"
	cmd.Long = `Rewrite JSON files as ` + wrapperLong + `, in place, each atomically. The data are
the very bytes that were there, and 'mstore unwrap' gives them back. The files are
committed first as they are. The metadata are what the model's kind tells (source,
parameters, metrics, the file's time), what --meta FILE says, and --description.

Files that are wrapped already are left alone, and so are broken ones, which are
listed. Below directories only files that match --pattern are looked at.

With --json: dry_run, changed, already, broken (path, error), saved (the version with
the originals, or null).

Exit codes: 0 done; 1 a file is no JSON (the others are done), or cannot be read; 2
wrong usage; 3 no store or no such file; 5 a file changed meanwhile, or the store is
read-only; 130 interrupted.`
	cmd.Example = `  mstore wrap model.json --description 'after the long night'
  mstore wrap models/ --pattern '*_training.json' --dry-run
  mstore wrap models/ --meta run.yaml`
	return cmd
}

func newUnwrapCommand(a *app) *cobra.Command {
	cmd := newWrapperCommand(a, true)
	cmd.Use = "unwrap PATH..."
	cmd.Short = "Take the metadata around JSON models away, in their files"
	cmd.Long = `Rewrite files that are ` + wrapperLong + ` as the data alone, in place, each
atomically. The files are committed first as they are, so that the metadata are in
the version's metadata and nothing is lost. Files without a wrapper are left alone.
'mstore cat --unwrap' and 'mstore checkout --unwrap' do the same on the way out.

With --json: dry_run, changed, already, broken (path, error), saved (the version with
the originals, or null).

Exit codes: 0 done; 1 a file is no JSON (the others are done), or cannot be read; 2
wrong usage; 3 no store or no such file; 5 a file changed meanwhile, or the store is
read-only; 130 interrupted.`
	cmd.Example = `  mstore unwrap model.json
  mstore unwrap models/ --dry-run`
	return cmd
}

type wrapOptions struct {
	paths             []string
	unwrap, dryRun    bool
	pattern           string
	meta, description string
}

func newWrapperCommand(a *app, unwrap bool) *cobra.Command {
	o := wrapOptions{unwrap: unwrap}
	cmd := &cobra.Command{
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("mstore "+cmd.Name()+" model.json", "%s what?", cmd.Name())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.paths = args
			return runWrap(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.dryRun, "dry-run", "n", false, "tell which files would be rewritten")
	f.StringVar(&o.pattern, "pattern", "*.json", "of the files below directories, those that match `GLOB`")
	if !unwrap {
		f.StringVar(&o.meta, "meta", "", "put what `FILE` says into the metadata (JSON, YAML or TOML)")
		f.StringVar(&o.description, "description", "", "what the models are")
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

type wrapDoc struct {
	DryRun  bool          `json:"dry_run"`
	Changed []string      `json:"changed"`
	Already []string      `json:"already"`
	Broken  []wrapFailDoc `json:"broken"`
	Saved   *string       `json:"saved"`
}

type wrapFailDoc struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}

func runWrap(ctx context.Context, a *app, o wrapOptions) error {
	so := store.WrapOptions{Glob: o.pattern, Unwrap: o.unwrap, DryRun: o.dryRun}
	if err := store.CheckGlob(o.pattern); err != nil {
		return usagef("", "--pattern: %s", err)
	}
	if !o.unwrap {
		meta, err := a.wrapMeta(o)
		if err != nil {
			return err
		}
		so.Metadata = meta
	}
	return a.with(ctx, func(s *store.Store) (err error) {
		if so.Paths, err = a.rels(s, o.paths); err != nil {
			return err
		}
		res, err := s.Wrap(ctx, so)
		if err != nil {
			if res != nil && res.Saved != nil {
				a.say("the originals are %s", res.Saved.Name)
			}
			return err
		}
		if a.json {
			err = writeJSON(a.out, newWrapDoc(res, o.dryRun))
		} else {
			err = a.printWrap(res, o)
		}
		if err == nil && len(res.Broken) > 0 {
			err = reportedError{exitFailed}
		}
		return err
	})
}

// wrapMeta is the metadata that flags ask for.
func (a *app) wrapMeta(o wrapOptions) (map[string]any, error) {
	meta := map[string]any{}
	if o.meta != "" {
		m, err := a.metaFile(o.meta)
		if err != nil {
			return nil, err
		}
		for k, v := range m.Other {
			meta[k] = v
		}
		put := func(k string, v map[string]any) {
			if len(v) > 0 {
				meta[k] = v
			}
		}
		put("parameters", m.Params)
		put("metrics", m.Metrics)
		put("system_info", m.Env)
		if m.Source != "" {
			meta["training_source"] = m.Source
		}
		if m.Message != "" {
			meta["description"] = m.Message
		}
	}
	if o.description != "" {
		meta["description"] = o.description
	}
	if len(meta) > 0 {
		meta["wrapped_at"] = a.now().UTC().Format(time.RFC3339)
	}
	return meta, nil
}

func newWrapDoc(res *store.WrapResult, dryRun bool) *wrapDoc {
	d := &wrapDoc{DryRun: dryRun, Changed: list(res.Changed), Already: list(res.Already), Broken: []wrapFailDoc{}}
	for _, b := range res.Broken {
		d.Broken = append(d.Broken, wrapFailDoc{b.Path, b.Err.Error()})
	}
	if res.Saved != nil {
		d.Saved = &res.Saved.Name
	}
	return d
}

func (a *app) printWrap(res *store.WrapResult, o wrapOptions) error {
	a.progress.close()
	verb, state := "wrapped", "wrapped already"
	if o.unwrap {
		verb, state = "unwrapped", "without a wrapper"
	}
	if o.dryRun {
		verb = "would be " + verb
	}
	for _, p := range res.Changed {
		fmt.Fprintf(a.out, "%s  %s\n", verb, cleanLine(p))
	}
	for _, b := range res.Broken {
		fmt.Fprintf(a.out, "%s  %s: %s\n", a.style.bad.Sprint("left"), cleanLine(b.Path), cleanLine(b.Err.Error()))
	}
	fmt.Fprintf(a.out, "%s %s", plural(len(res.Changed), "file"), verb)
	if n := len(res.Already); n > 0 {
		fmt.Fprintf(a.out, ", %d %s", n, state)
	}
	fmt.Fprintln(a.out)
	if res.Saved != nil {
		a.say("the originals are %s", res.Saved.Name)
	}
	return a.out.failed()
}
