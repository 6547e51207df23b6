package main

import (
	"context"
	"fmt"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const doctorLong = `Look at the health of the store: whether it opens and the journal can be read, when
everything was last checked, free space, packs, parity, what can still be taken back,
what dead writers have left, the history index, the clock, permissions, and the kind
of file system it lies on. Each line has a status (ok, warning or failed), what was
found, and below it the command to type, where there is one. It takes a moment and
changes nothing; content is not read, that is what 'mstore fsck' does. When fsck and
gc last ran is known of this working directory alone.

For monitoring: the exit code is 0 also with warnings, unless --strict is given. When
the journal cannot be read, the checks that do without it are made all the same.

Of a store in a bucket it is looked at whether the bucket answers and keeps what a store
relies on (some keys are made and deleted for that), for unfinished uploads, the cache, and
whether the clocks agree, in place of the disk.

With --json: ok (false when anything failed), checks (name, status, detail, next).
The names are store, scrub, space, packs, parity, condemned, gc, debris, index, clock,
permissions, filesystem, and second if there is a second store; of a bucket bucket, uploads
and cache in place of space, permissions and filesystem.

Exit codes: 0 nothing failed; 1 something failed, or, with --strict, there are warnings;
2 wrong usage; 3 no store; 4 the journal is damaged; 130 interrupted.`

func newDoctorCommand(a *app) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at the health of the store",
		Long:  doctorLong,
		Example: `  mstore doctor
  mstore doctor --strict --quiet > /dev/null || echo 'look at the model store'
  mstore doctor --json | jq -r '.checks[] | select(.status != "ok") | .name + ": " + .detail'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDoctor(cmd.Context(), a, o) },
	}
	cmd.Flags().BoolVar(&o.strict, "strict", false, "exit code 1 for warnings too")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

type doctorOptions struct{ strict bool }

func runDoctor(ctx context.Context, a *app, o doctorOptions) error {
	return a.with(ctx, func(s *store.Store) error {
		h, damage := s.Doctor(ctx)
		if h == nil {
			return damage
		}
		var err error
		if a.json {
			err = writeJSON(a.out, newDoctorDoc(h))
		} else {
			err = a.printDoctor(h)
		}
		switch {
		case err != nil:
			return err
		case damage != nil: // the report has told it
			return reportedError{exitCode(ctx, damage)}
		case !h.OK, o.strict && h.Count(store.CheckWarning) > 0:
			return reportedError{exitFailed}
		}
		return nil
	})
}

func (a *app) printDoctor(h *store.Health) error {
	st := a.style
	looks := map[string]*color.Color{store.CheckOK: st.good, store.CheckWarning: st.warn, store.CheckFailed: st.bad}
	table := columns{}
	for _, c := range h.Checks {
		table.add(cell{text: c.Status, look: looks[c.Status]}, cell{text: c.Name}, cell{text: cleanLine(c.Detail)})
		if c.Next != "" {
			table.add(cell{}, cell{}, cell{text: "next: " + cleanLine(c.Next), look: st.dim})
		}
	}
	table.write(a.out)
	warnings, failures := h.Count(store.CheckWarning), h.Count(store.CheckFailed)
	switch {
	case failures > 0:
		fmt.Fprintln(a.out, st.bad.Sprintf("%s, %d failed", plural(warnings, "warning"), failures))
	case warnings > 0:
		fmt.Fprintln(a.out, st.warn.Sprintf("%s, 0 failed", plural(warnings, "warning")))
	default:
		fmt.Fprintln(a.out, st.good.Sprint("ok"))
	}
	return a.out.failed()
}

type doctorDoc struct {
	OK     bool       `json:"ok"`
	Checks []checkDoc `json:"checks"`
}

type checkDoc struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail"`
	Next   string `json:"next"`
}

func newDoctorDoc(h *store.Health) *doctorDoc {
	d := &doctorDoc{OK: h.OK, Checks: make([]checkDoc, len(h.Checks))}
	for i, c := range h.Checks {
		d.Checks[i] = checkDoc(c)
	}
	return d
}
