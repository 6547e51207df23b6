package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/schema"
)

func newValidateCommand(a *app) *cobra.Command {
	var o validateOptions
	cmd := &cobra.Command{
		Use:   "validate PATH...|REV[:PATH]...",
		Short: "Check that models are what their kind demands",
		Long: `Look at files, at all files below directories, or at saved models, and tell what
is wrong with them: whether they are well-formed (JSON, safetensors, ONNX, GGUF,
NumPy), what offends the JSON Schema of their kind (errors) or what is merely
expected (warnings), and what its quality rules doubt. 'mstore kind list' has the
kinds. Without a store the built-in kinds apply.

Each finding has the place in the model (line, column and JSONPath, or the
tensor), what is there and what was expected. Warnings leave the exit code at 0;
with --strict they count as errors.

With --json: models (path, kind, valid, wrapped, errors and warnings, each with
severity, rule, path, line, column, found, expected, message; stats; more_errors
and more_warnings beyond --limit).

Exit codes: 0 all are valid; 1 one is not, or cannot be read; 2 wrong usage; 3 no
such file, version or model, or its content is expired; 4 something in the store
is damaged; 130 interrupted.`,
		Example: `  mstore validate model.json
  mstore validate checkpoints/ --strict
  mstore validate v12:model.json HEAD
  mstore validate model.json --json | jq '.models[].errors'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("mstore validate model.json", "validate what?")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			return runValidate(cmd.Context(), a, o)
		},
	}
	cmd.Flags().BoolVar(&o.strict, "strict", false, "warnings count as errors")
	cmd.Flags().IntVar(&o.limit, "limit", 100, "print at most `N` findings of each model")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

type validateOptions struct {
	args   []string
	strict bool
	limit  int
}

func runValidate(ctx context.Context, a *app, o validateOptions) error {
	if o.limit < 1 {
		return usagef("", "--limit %d: want 1 or more", o.limit)
	}
	docs := []judgedDoc{}
	bad := 0
	err := a.inspecting(ctx, schema.Options{Limit: o.limit}, func(in *inspector) error {
		for _, arg := range o.args {
			err := in.each(ctx, arg, func(m inspected) error {
				valid := m.report.Valid() && !(o.strict && m.report.Warnings > 0)
				if !valid {
					bad++
				}
				if a.json {
					docs = append(docs, newJudgedDoc(m, valid))
					return nil
				}
				return a.printJudged(m, valid)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return a.endJudging(docs, bad)
}

// endJudging prints what is left to print, and fails when there were bad models.
func (a *app) endJudging(docs []judgedDoc, bad int) error {
	if a.json {
		if err := writeJSON(a.out, struct {
			Models []judgedDoc `json:"models"`
		}{docs}); err != nil {
			return err
		}
	}
	if bad > 0 {
		return reportedError{exitFailed}
	}
	return nil
}

// printJudged prints one model and all that was found in it.
func (a *app) printJudged(m inspected, valid bool) error {
	a.progress.close()
	st, rep := a.style, m.report
	verdict := st.good.Sprint("valid")
	if !valid {
		verdict = st.bad.Sprint("not valid")
	}
	kind := kindOr(rep.Kind, "unknown kind")
	if rep.Wrapped {
		kind += ", wrapped"
	}
	line := cleanLine(m.path) + ": " + verdict + " (" + kind + ")"
	if rep.Errors+rep.Warnings > 0 {
		line += ", " + counted(rep.Errors, rep.Warnings)
	}
	fmt.Fprintln(a.out, line)
	for i := range rep.Findings {
		f := &rep.Findings[i]
		look := st.warn
		if f.Severity == schema.Error {
			look = st.bad
		}
		fmt.Fprintf(a.out, "  %s  %s %s\n", look.Sprint(f.Severity), cleanLine(f.String()), st.dim.Sprint("["+f.Rule+"]"))
	}
	if n := rep.Errors + rep.Warnings - len(rep.Findings); n > 0 {
		fmt.Fprintf(a.out, "  %s\n", st.dim.Sprintf("and %d more", n))
	}
	return a.out.failed()
}
