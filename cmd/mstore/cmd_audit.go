package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/schema"
)

func newAuditCommand(a *app) *cobra.Command {
	var o auditOptions
	cmd := &cobra.Command{
		Use:   "audit DIR|REV",
		Short: "Tell of every model what it is, whether it is valid, and its figures",
		Long: `Look at all models below a directory, or at all of a version: kind, valid or not and
why, doubts about its quality, and its figures (frames, states, patterns, tensors,
parameters, ...); then the totals of each kind, and the verdict.

--checksums FILE also writes a manifest, as b3sum prints it, that 'b3sum --check'
and 'mstore audit --verify FILE DIR' hold a directory against; --md5 writes FILE.md5
for md5sum too. --verify tells which files are missing, changed, or not listed.

With --json: models (path, kind, valid, wrapped, errors, warnings, stats), totals
(models, valid, invalid, warnings, bytes, share_valid, kinds: for each kind models,
valid, bytes and the sums of its figures). With --verify: ok, checked, missing,
changed, unlisted.

Exit codes: 0 all are valid, or as the manifest says; 1 one is not, or cannot be
read; 2 wrong usage; 3 no such directory, file or version; 4 something in the store
is damaged; 130 interrupted.`,
		Example: `  mstore audit models/
  mstore audit HEAD
  mstore audit models/ --checksums models.b3 --md5
  mstore audit --verify models.b3 models/
  mstore audit models/ --json | jq '.totals'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("mstore audit models/", "audit takes one directory or version")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.arg = args[0]
			return runAudit(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.checksums, "checksums", "", "write a manifest of BLAKE3 hashes to `FILE`")
	f.BoolVar(&o.md5, "md5", false, "with --checksums: MD5 too, to FILE.md5")
	f.StringVar(&o.verify, "verify", "", "hold the directory against the manifest in `FILE`")
	f.BoolVar(&o.strict, "strict", false, "warnings count as errors")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

type auditOptions struct {
	arg               string
	checksums, verify string
	md5, strict       bool
}

// kindTotals adds up the models of one kind.
type kindTotals struct {
	Models int            `json:"models"`
	Valid  int            `json:"valid"`
	Bytes  int64          `json:"bytes"`
	Stats  map[string]any `json:"stats"` // sums of whole figures
}

type auditTotals struct {
	Models     int                    `json:"models"`
	Valid      int                    `json:"valid"`
	Invalid    int                    `json:"invalid"`
	Warnings   int                    `json:"warnings"` // models with warnings
	Bytes      int64                  `json:"bytes"`
	ShareValid float64                `json:"share_valid"` // 0 to 1
	Kinds      map[string]*kindTotals `json:"kinds"`
}

func (t *auditTotals) add(m inspected, valid bool) {
	t.Models++
	t.Bytes += m.size
	if m.report.Warnings > 0 {
		t.Warnings++
	}
	name := kindOr(m.report.Kind, "unknown")
	if m.report.Damaged && m.report.Kind == "" {
		name = "damaged"
	}
	k := t.Kinds[name]
	if k == nil {
		k = &kindTotals{Stats: map[string]any{}}
		t.Kinds[name] = k
	}
	k.Models++
	k.Bytes += m.size
	if valid {
		t.Valid++
		k.Valid++
	}
	for _, s := range m.report.Stats {
		if n, ok := s.Value.(int64); ok {
			sum, _ := k.Stats[s.Name].(int64)
			k.Stats[s.Name] = sum + n
		}
	}
}

func runAudit(ctx context.Context, a *app, o auditOptions) error {
	if o.md5 && o.checksums == "" {
		return usagef("mstore audit DIR --checksums FILE --md5", "--md5 goes with --checksums")
	}
	if o.verify != "" {
		if o.checksums != "" {
			return usagef("", "--verify goes without --checksums")
		}
		return runVerify(ctx, a, o)
	}
	totals := auditTotals{Kinds: map[string]*kindTotals{}}
	docs := []judgedDoc{}
	table := columns{}
	var bad []inspected
	var sums *manifest
	err := a.inspecting(ctx, schema.Options{Limit: 20}, func(in *inspector) error {
		if o.checksums != "" {
			sums = newManifest(o.md5)
			in.also = func(rel, file string) error { return sums.addFile(ctx, rel, file) }
		}
		return in.each(ctx, o.arg, func(m inspected) error {
			valid := m.report.Valid() && !(o.strict && m.report.Warnings > 0)
			totals.add(m, valid)
			if a.json {
				docs = append(docs, newJudgedDoc(m, valid))
				return nil
			}
			if !valid {
				bad = append(bad, m)
			}
			table.add(a.auditRow(m, valid)...)
			return nil
		})
	})
	if err != nil {
		return err
	}
	totals.Invalid = totals.Models - totals.Valid
	if totals.Models > 0 {
		totals.ShareValid = float64(totals.Valid) / float64(totals.Models)
	}
	if sums != nil {
		if sums.empty() {
			return usagef("", "--checksums is for a directory")
		}
		if err := sums.write(absolute(a.cwd, o.checksums)); err != nil {
			return err
		}
	}
	if a.json {
		err = writeJSON(a.out, struct {
			Models []judgedDoc `json:"models"`
			Totals auditTotals `json:"totals"`
		}{docs, totals})
	} else {
		err = a.printAudit(&table, bad, &totals)
	}
	if err == nil && totals.Valid < totals.Models {
		err = reportedError{exitFailed}
	}
	return err
}

func (a *app) auditRow(m inspected, valid bool) []cell {
	st, rep := a.style, m.report
	verdict := cell{text: "valid", look: st.good}
	switch {
	case !valid:
		verdict = cell{text: "NOT VALID", look: st.bad}
	case rep.Warnings > 0:
		verdict = cell{text: plural(rep.Warnings, "warning"), look: st.warn}
	}
	detail := statsLine(rep)
	if rep.Errors+rep.Warnings > 0 {
		detail = strings.TrimPrefix(detail+"; "+rep.Findings[0].Message, "; ")
	}
	return []cell{{text: kindOr(rep.Kind, "?"), look: st.dim}, verdict, {text: humanBytes(m.size), right: true}, {text: cleanLine(m.path)}, {text: cleanLine(detail), look: st.dim}}
}

func (a *app) printAudit(table *columns, bad []inspected, t *auditTotals) error {
	a.progress.close()
	out, st := a.out, a.style
	table.write(out)
	kinds := columns{}
	for _, name := range slices.Sorted(maps.Keys(t.Kinds)) {
		k := t.Kinds[name]
		var stats []string
		for _, s := range slices.Sorted(maps.Keys(k.Stats)) {
			stats = append(stats, s+" "+showValue(k.Stats[s]))
		}
		kinds.add(cell{text: name, look: st.bold}, cell{text: strconv.Itoa(k.Valid) + " of " + strconv.Itoa(k.Models) + " valid", right: true},
			cell{text: humanBytes(k.Bytes), right: true}, cell{text: strings.Join(stats, ", "), look: st.dim})
	}
	fmt.Fprintln(out)
	kinds.write(out)
	if len(bad) > 0 {
		fmt.Fprintf(out, "\n%s\n", st.bad.Sprint("not valid:"))
		for _, m := range bad {
			fmt.Fprintf(out, "  %s\n", cleanLine(m.path))
			for i := range m.report.Findings[:min(3, len(m.report.Findings))] {
				fmt.Fprintf(out, "    %s\n", cleanLine(m.report.Findings[i].String()))
			}
		}
	}
	if t.Models == 0 {
		fmt.Fprintln(out, "no models")
		return out.failed()
	}
	fmt.Fprintf(out, "\n%s valid, %d of %d", st.bold.Sprint(sharePercent(t.ShareValid)), t.Valid, t.Models)
	if t.Warnings > 0 {
		fmt.Fprintf(out, "; %d with warnings", t.Warnings)
	}
	fmt.Fprintln(out)
	return out.failed()
}

// sharePercent rounds down, so that 100% means all.
func sharePercent(share float64) string {
	return strconv.FormatFloat(float64(int(share*1000+1e-9))/10, 'f', 1, 64) + "%"
}
