package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/mstore/mstore/schema"
	"github.com/mstore/mstore/store"
)

func newKindCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kind list|show NAME|add FILE|remove NAME|test FILE MODEL...",
		Short: "The kinds of models: how they are recognised and what they must be",
		Long: `A kind says how its models are recognised, what their documents must look like (a
JSON Schema), which figures are told of them, and when their quality is in doubt.
Common kinds are built in. 'mstore kind add FILE.yaml' puts one of your own into the
store's shared settings, before the built-in ones; docs/kinds.md has the language.

Exit codes: 0 done; 1 test: a model is not valid; 2 wrong usage, or a file that
cannot be understood; 3 no store or no such kind; 5 the store is read-only; 130
interrupted.`,
		Example: `  mstore kind list
  mstore kind show audio_oracle > mine.yaml
  mstore kind test mine.yaml models/*.json
  mstore kind add mine.yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return runKindList(cmd.Context(), a) },
	}
	a.jsonFlag(cmd, "print JSON")
	list := &cobra.Command{
		Use: "list", Short: "List the kinds, in the order in which they are tried", Args: cobra.NoArgs,
		Long: `List the kinds in the order in which they are tried: your own, then the built-in ones.

With --json: a list of kind, title, builtin, match.

Exit codes: 0 done; 2 wrong usage; 130 interrupted.`,
		Example: `  mstore kind list
  mstore kind list --json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runKindList(cmd.Context(), a) },
	}
	show := &cobra.Command{
		Use: "show NAME", Short: "Print the file of a kind", Args: cobra.ExactArgs(1),
		Long: `Print the file of a kind, which 'mstore kind add' takes again.

With --json: kind, title, builtin, match, stats, rules (name, severity, message), file.

Exit codes: 0 done; 2 wrong usage; 3 no such kind; 130 interrupted.`,
		Example: `  mstore kind show rhythm_oracle
  mstore kind show safetensors --json`,
		RunE: func(cmd *cobra.Command, args []string) error { return runKindShow(cmd.Context(), a, args[0]) },
	}
	add := &cobra.Command{
		Use: "add FILE", Short: "Add a kind of your own", Args: cobra.ExactArgs(1),
		Long: `Put a kind into the settings that all who use the store share. One of the same name,
a built-in one too, gives way.

Exit codes: 0 done; 1 the file cannot be read; 2 wrong usage, or the file cannot be
understood (the message has file, line and field); 3 no store or no such file; 5 the
store is read-only; 130 interrupted.`,
		Example: `  mstore kind add chorale.yaml`,
		RunE:    func(cmd *cobra.Command, args []string) error { return runKindAdd(cmd.Context(), a, args[0]) },
	}
	remove := &cobra.Command{
		Use: "remove NAME", Short: "Take a kind that was added away", Args: cobra.ExactArgs(1),
		Long: `Take a kind that was added out of the settings. A built-in one of that name is back.

Exit codes: 0 done; 2 wrong usage; 3 no store, or no kind of that name was added; 5
the store is read-only; 130 interrupted.`,
		Example: `  mstore kind remove chorale`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(s *store.Store) error { return s.RemoveKind(cmd.Context(), args[0]) })
		},
	}
	test := &cobra.Command{
		Use: "test FILE MODEL...", Short: "Try a kind file on models, without adding it", Args: cobra.MinimumNArgs(2),
		Long: `Try a kind file on models, without adding it and without a store: each is told to be
of the kind or not, with its figures and all findings.

With --json: as validate prints it.

Exit codes: 0 all are of the kind and valid; 1 one is not; 2 wrong usage, or the file
cannot be understood; 3 no such file; 130 interrupted.`,
		Example: `  mstore kind test chorale.yaml models/*.json`,
		RunE:    func(cmd *cobra.Command, args []string) error { return runKindTest(cmd.Context(), a, args[0], args[1:]) },
	}
	for _, c := range []*cobra.Command{list, show, add, remove, test} {
		a.jsonFlag(c, "print JSON")
		cmd.AddCommand(c)
	}
	return cmd
}

type kindDoc struct {
	Kind    string   `json:"kind"`
	Title   string   `json:"title"`
	Builtin bool     `json:"builtin"`
	Match   []string `json:"match"`
}

func newKindDoc(k *schema.Kind) kindDoc {
	d := kindDoc{k.Name, k.Title, k.Builtin, []string{}}
	for i := range k.Match {
		d.Match = append(d.Match, k.Match[i].String())
	}
	return d
}

// kinds are those of the store here, or the built-in ones.
func (a *app) kinds(ctx context.Context) (r *schema.Registry, err error) {
	err = a.inspecting(ctx, schema.Options{}, func(in *inspector) error {
		r = in.checker.Kinds()
		return nil
	})
	return r, err
}

func runKindList(ctx context.Context, a *app) error {
	r, err := a.kinds(ctx)
	if err != nil {
		return err
	}
	if a.json {
		docs := []kindDoc{}
		for _, k := range r.Kinds() {
			docs = append(docs, newKindDoc(k))
		}
		return writeJSON(a.out, docs)
	}
	table := columns{}
	for _, k := range r.Kinds() {
		own := ""
		if !k.Builtin {
			own = "added"
		}
		table.add(cell{text: k.Name, look: a.style.bold}, cell{text: own}, cell{text: cleanLine(k.Title)})
	}
	return table.write(a.out)
}

func (a *app) kind(ctx context.Context, name string) (*schema.Kind, error) {
	r, err := a.kinds(ctx)
	if err != nil {
		return nil, err
	}
	k := r.Kind(name)
	if k == nil {
		return nil, &hintError{fmt.Errorf("there is no kind %q: %w", name, store.ErrNotFound), "'mstore kind list' has them"}
	}
	return k, nil
}

func runKindShow(ctx context.Context, a *app, name string) error {
	k, err := a.kind(ctx, name)
	if err != nil {
		return err
	}
	if !a.json {
		a.out.Write(k.Source)
		if !bytes.HasSuffix(k.Source, []byte("\n")) {
			a.out.WriteString("\n")
		}
		return a.out.failed()
	}
	type ruleDoc struct {
		Name     string `json:"name"`
		Severity string `json:"severity"`
		Message  string `json:"message"`
	}
	doc := struct {
		kindDoc
		Stats map[string]string `json:"stats"`
		Rules []ruleDoc         `json:"rules"`
		File  string            `json:"file"`
	}{newKindDoc(k), map[string]string{}, []ruleDoc{}, string(k.Source)}
	for i := range k.Stats {
		doc.Stats[k.Stats[i].Name] = k.Stats[i].String()
	}
	for _, r := range k.Rules {
		doc.Rules = append(doc.Rules, ruleDoc{r.Name, string(r.Severity), r.Message})
	}
	return writeJSON(a.out, doc)
}

func runKindAdd(ctx context.Context, a *app, file string) error {
	src, err := a.readSmall("kind add", file, schema.MaxKindFile)
	if err != nil {
		return err
	}
	return a.with(ctx, func(s *store.Store) error {
		k, err := s.AddKind(ctx, file, src)
		if err != nil {
			return err
		}
		if a.json {
			return writeJSON(a.out, newKindDoc(k))
		}
		a.say("added the kind %s", k.Name)
		return nil
	})
}

func runKindTest(ctx context.Context, a *app, file string, models []string) error {
	src, err := a.readSmall("kind test", file, schema.MaxKindFile)
	if err != nil {
		return err
	}
	k, err := schema.ParseKind(file, src)
	if err != nil {
		return usagef("", "%s", err)
	}
	r, err := schema.NewRegistry(k)
	if err != nil {
		return err
	}
	in := &inspector{a: a, checker: store.NewChecker(r, schema.Options{})}
	docs, bad := []judgedDoc{}, 0
	for _, arg := range models {
		err := in.each(ctx, arg, func(m inspected) error {
			ok := m.report.Kind == k.Name
			if !ok || !m.report.Valid() {
				bad++
			}
			if a.json {
				docs = append(docs, newJudgedDoc(m, m.report.Valid()))
				return nil
			}
			if !ok {
				fmt.Fprintf(a.out, "%s: %s\n", cleanLine(m.path), a.style.warn.Sprintf("not of the kind %s, but %s", k.Name, kindOr(m.report.Kind, "unknown")))
				return a.out.failed()
			}
			if err := a.printJudged(m, m.report.Valid()); err != nil {
				return err
			}
			if s := statsLine(m.report); s != "" {
				fmt.Fprintf(a.out, "  %s\n", a.style.dim.Sprint(s))
			}
			return a.out.failed()
		})
		if err != nil {
			return err
		}
	}
	return a.endJudging(docs, bad)
}

// statsLine is the figures of a model on one line.
func statsLine(rep *schema.Report) string {
	var parts []string
	for _, s := range rep.Stats {
		parts = append(parts, s.Name+" "+shortValue(s.Value))
	}
	return strings.Join(parts, ", ")
}

// shortValue is a figure with four digits at most after the point.
func shortValue(v any) string {
	if f, ok := v.(float64); ok {
		return humanize.FtoaWithDigits(f, 4)
	}
	return showValue(v)
}
