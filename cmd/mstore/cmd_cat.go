package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/internal/wrapper"
	"github.com/mstore/mstore/store"
)

func newCatCommand(a *app) *cobra.Command {
	var o catOptions
	cmd := &cobra.Command{
		Use:   "cat REV:PATH",
		Short: "Write one model's bytes to standard output",
		Long: `Write one model's bytes to standard output, exactly as they were saved, verified
against the model's ID. In REV:PATH the path is relative to the root, or to the
working directory if it begins with ./ or ../; PATH alone is HEAD's. --unwrap
writes the data alone of a model that is {"metadata":…,"data":…}.

Exit codes: 0 all of the model was written; 1 standard output cannot be written;
2 wrong usage; 3 no store, no such version or model, or its content is expired;
4 the model is damaged, and what was written must not be used; 130 interrupted.`,
		Example: `  mstore cat v12:model.json > old.json
  mstore cat prod:models/enc.safetensors | b3sum
  mstore cat main@{yesterday}:model.json
  mstore cat v3:wrapped.json --unwrap | jq .size`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("mstore cat v12:model.json", "cat takes one argument, REV:PATH")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.arg = args[0]
			return runCat(cmd.Context(), a, o)
		},
		ValidArgsFunction: a.completeRevPath,
	}
	cmd.Flags().BoolVar(&o.unwrap, "unwrap", false, `of {"metadata":…,"data":…} the data alone`)
	a.jsonFlag(cmd, "print errors as JSON")
	return cmd
}

type catOptions struct {
	arg    string
	unwrap bool
}

func runCat(ctx context.Context, a *app, o catOptions) error {
	return a.with(ctx, func(s *store.Store) error {
		rev, path, err := a.revPath(s, o.arg)
		if err != nil {
			return err
		}
		m, err := s.OpenModel(ctx, rev, path)
		if err != nil {
			return err
		}
		if o.unwrap {
			return errors.Join(a.catData(m), m.Close())
		}
		_, err = m.WriteTo(a.out)
		return errors.Join(err, m.Close())
	})
}

// catData writes the data of a wrapper; what is none is written as it is.
func (a *app) catData(m *store.ModelReader) error {
	info, err := wrapper.Inspect(m)
	if err != nil && !errors.Is(err, wrapper.ErrNotJSON) {
		return err
	}
	if err != nil || !info.Wrapped {
		if _, err := m.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err = m.WriteTo(a.out)
		return err
	}
	return wrapper.Unwrap(a.out, m, info)
}
