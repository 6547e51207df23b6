package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

func newReproduceCommand(a *app) *cobra.Command {
	var o reproduceOptions
	cmd := &cobra.Command{
		Use:   "reproduce [REV]",
		Short: "Tell how to make a version again, as far as is known",
		Long: `Print, as a shell script with comments, what to check out, install and run to make a
version again, and what is not known: the git commit of the project, the source
and whether it is still what it was, the environment, the parameters, and the
hashes that the result must have. A version tells the command that made it if
--meta or --env said so, as 'command' or 'argv'.

With --json: version, id, git (commit, branch, dirty), source (name, size, time,
blake3, and state: same, changed, missing or unknown), environment, params, command,
models (path, id), unknown (what is not known).

Exit codes: 0 done; 2 wrong usage; 3 no store or no such version; 4 the store is
damaged there; 130 interrupted.`,
		Example: `  mstore reproduce v12
  mstore reproduce prod --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.rev = first(args)
			return runReproduce(cmd.Context(), a, o)
		},
		ValidArgsFunction: a.completeRev(false),
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

type reproduceOptions struct{ rev string }

type reproduceDoc struct {
	Version     string         `json:"version"`
	ID          string         `json:"id"`
	Git         *gitDoc        `json:"git"`    // null: not known
	Source      *sourceDoc     `json:"source"` // null: not known
	Environment map[string]any `json:"environment"`
	Params      map[string]any `json:"params"`
	Command     string         `json:"command"`
	Models      []modelDoc     `json:"models"`
	Unknown     []string       `json:"unknown"`
}

type gitDoc struct {
	Commit string `json:"commit"`
	Branch string `json:"branch"`
	Dirty  bool   `json:"dirty"`
}

type sourceDoc struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Time   string `json:"time"`
	BLAKE3 string `json:"blake3"`
	State  string `json:"state"` // same, changed, missing, unknown
}

func runReproduce(ctx context.Context, a *app, o reproduceOptions) error {
	return a.with(ctx, func(s *store.Store) error {
		v, err := s.Show(ctx, headUnless(o.rev))
		if err != nil {
			return err
		}
		changes, err := changesOf(ctx, s, v)
		if err != nil {
			return err
		}
		env, other := otherMeta(v.Meta)
		d := &reproduceDoc{Version: v.Name, ID: v.ID.String(), Environment: env, Params: v.Params, Unknown: []string{}, Models: []modelDoc{}}
		if d.Params == nil {
			d.Params = map[string]any{}
		}
		for _, c := range changes {
			if c.Status != objects.Removed {
				d.Models = append(d.Models, newModelDoc(c))
			}
		}
		d.Command = commandLine(cmp.Or(metaText(other, "command"), metaText(other, "argv"), metaText(other, "wrapper.command"),
			metaText(env, "command"), metaText(env, "argv")))
		d.fillGit(v)
		if err := d.fillSource(ctx, a, s, v); err != nil {
			return err
		}
		d.fillUnknown()
		if a.json {
			return writeJSON(a.out, d)
		}
		return a.printReproduce(d)
	})
}

// commandLine is a command as a shell takes it. One that was given as a list is quoted.
func commandLine(text string) string {
	var list []string
	if json.Unmarshal([]byte(text), &list) != nil {
		return text
	}
	for i, arg := range list {
		list[i] = shellQuote(arg)
	}
	return strings.Join(list, " ")
}

var commitID = regexp.MustCompile(`^[0-9a-fA-F]{4,64}$`)

func (d *reproduceDoc) fillGit(v *store.Version) {
	commit, branch := metaText(v.Meta, "git.commit"), metaText(v.Meta, "git.branch")
	dirty, _ := v.Meta["git.dirty"].(bool)
	if commit == "" { // what the training itself has written comes second
		commit, branch = metaText(v.Meta, "wrapper.git_commit"), metaText(v.Meta, "wrapper.git_branch")
		dirty, _ = v.Meta["wrapper.git_dirty"].(bool)
	}
	if commitID.MatchString(commit) {
		d.Git = &gitDoc{commit, branch, dirty}
	}
}

// fillSource tells whether the source is still what it was.
func (d *reproduceDoc) fillSource(ctx context.Context, a *app, s *store.Store, v *store.Version) error {
	if v.Source == "" {
		return nil
	}
	d.Source = &sourceDoc{Name: v.Source, Time: metaText(v.Meta, "source.time"), BLAKE3: metaText(v.Meta, "source.blake3"), State: "unknown"}
	d.Source.Size, _ = v.Meta["source.size"].(int64)
	if d.Source.BLAKE3 == "" {
		return nil
	}
	for _, dir := range []string{a.cwd, s.Root()} {
		sum, err := blake3Of(ctx, absolute(dir, v.Source))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			if d.Source.State == "unknown" {
				d.Source.State = "missing"
			}
		case sum == d.Source.BLAKE3:
			d.Source.State = "same"
			return nil
		default:
			d.Source.State = "changed"
		}
	}
	return nil
}

func (d *reproduceDoc) fillUnknown() {
	missing := func(is bool, what string) {
		if is {
			d.Unknown = append(d.Unknown, what)
		}
	}
	missing(d.Git == nil, "the commit of the code: no git project around the models, or meta.git was off")
	missing(d.Git != nil && d.Git.Dirty, "changes to the code that were not committed then")
	missing(d.Source == nil, "what it was made from (--source)")
	missing(len(d.Environment) == 0, "the environment (--env FILE)")
	missing(len(d.Params) == 0, "the parameters (--param, --meta FILE)")
	missing(len(d.Models) == 0, "what it changed: no model, so that there is nothing to compare with")
	missing(d.Command == "", "the command (command: in --meta FILE)")
}

func (a *app) printReproduce(d *reproduceDoc) error {
	out := a.out
	note := func(format string, args ...any) {
		fmt.Fprintf(out, "# %s\n", cleanLine(fmt.Sprintf(format, args...)))
	}
	note("to make %s %.10s again", d.Version, d.ID)
	fmt.Fprintln(out, "set -e")
	if d.Git != nil {
		if d.Git.Branch != "" {
			note("the code, on branch %s then:", d.Git.Branch)
		}
		fmt.Fprintf(out, "git checkout %s\n", shellQuote(d.Git.Commit))
	}
	if x := d.Source; x != nil {
		switch x.State {
		case "same":
			note("the source %s is what it was", x.Name)
		case "changed":
			note("the source %s HAS CHANGED since; it was %s, %s, BLAKE3 %s", x.Name, humanBytes(x.Size), x.Time, x.BLAKE3)
		case "missing":
			note("the source %s is not here; it was %s, %s, BLAKE3 %s", x.Name, humanBytes(x.Size), x.Time, x.BLAKE3)
		default:
			note("made from %s", x.Name)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(d.Environment)) {
		note("environment: %s %s", k, metaText(d.Environment, k))
	}
	for _, k := range slices.Sorted(maps.Keys(d.Params)) {
		note("parameter: %s = %s", k, showValue(d.Params[k]))
	}
	if d.Command != "" {
		fmt.Fprintln(out, strings.TrimSpace(cleanLine(d.Command)))
	}
	for _, m := range d.Models {
		note("result: %s must have the BLAKE3 hash %s", m.Path, m.ID)
	}
	for _, what := range d.Unknown {
		note("NOT KNOWN: %s", what)
	}
	note("the version itself, if that is all you need:")
	fmt.Fprintf(out, "mstore checkout %.16s -o %s\n", d.ID, shellQuote(d.Version))
	return out.failed()
}
