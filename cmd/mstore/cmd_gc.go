package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mstore/mstore/gc/policy"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

const gcLong = `Let go what the retention policy does not keep, and take less space for the rest.
Without a policy everything is kept, and gc does what 'mstore repack' does.

The policy is in the settings (gc.keep-last, gc.model.GLOB.keep-last,
gc.branch.GLOB.keep-last and so on, see 'mstore config'); a flag stands in place of
the same setting for all models, for one run. A content of a model is kept if any
rule keeps it; rules count the versions in which that model changed, and durations
from the newest version. Branch heads, tags, the last three positions of each alias,
what is held and safety versions of the last 30 days are always kept.
'--keep-last 10 --keep-within 30d' is what many backup programs do.

Content that is let go stays recoverable for a grace of 14 days (gc.grace) by
'mstore undelete'; the next gc after that removes it. --now leaves out the grace, and
removes what dead writers left. The versions themselves stay: 'mstore log' and 'mstore
show' mark them, and checkout says when and by which policy content went.

Others may read and commit meanwhile; interrupted at any time, it does no harm.
While anything that must be kept is missing, it refuses to do anything.

With --json: dry_run, policy, kept (version, id, branch, path, reasons), expired
(version, id, branch, path, bytes, stored_bytes, reason), bytes_freed, bytes_condemned
and removable_at (of what is still recoverable), branches_deleted, packs_removed.

Exit codes: 0 done; 1 some packs stay because they are damaged; 2 wrong usage, or a
policy that makes no sense; 3 no store; 4 something that must be kept is damaged or
missing; 5 the store cannot be written to, or changes all the time; 130 interrupted.`

func newGCCommand(a *app) *cobra.Command {
	var o gcOptions
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Let go what the retention policy does not keep, and tidy up",
		Long:  gcLong,
		Example: `  mstore gc --dry-run --keep-last 10 --keep-within 30d
  mstore gc --keep-last 10 --keep-best loss:min:3 --keep-where 'metrics.acc >= 0.9'
  mstore config gc.keep-daily 14 && mstore config 'gc.branch.scratch/*.ttl' 7d && mstore gc
  mstore gc --keep-last 3 --now --json | jq .bytes_freed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.rules = map[string]string{}
			cmd.Flags().Visit(func(f *pflag.Flag) {
				if r, ok := f.Value.(*ruleValue); ok {
					o.rules[f.Name] = r.text
				}
			})
			return runGC(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "only tell what would be kept and what let go, and why")
	f.BoolVar(&o.now, "now", false, "without the grace: remove at once")
	f.BoolVar(&o.auto, "auto", false, "do nothing unless it pays")
	rule := func(name, arg, usage string) { f.Var(&ruleValue{arg: arg}, name, usage) }
	rule("keep-last", "N", "keep the last `N` contents of each model")
	rule("keep-within", "DURATION", "keep what was there within `DURATION` (30d, 12h, 1y6mo) before the newest version")
	for _, p := range []string{"hour", "day", "week", "month", "year"} {
		name := map[string]string{"day": "daily"}[p]
		if name == "" {
			name = p + "ly"
		}
		rule("keep-"+name, "N", "keep the last content of each of the last `N` "+p+"s that have one")
	}
	rule("keep-best", "METRIC:min|max:N", "keep the N best by a `METRIC:min|max:N`; several separated by commas")
	rule("keep-where", "EXPR", "keep versions for which `EXPR` holds, as in 'mstore log --where'")
	rule("never-below", "N", "keep at least the last `N` contents of each model")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

// ruleValue is a flag that package policy reads.
type ruleValue struct{ text, arg string }

func (v *ruleValue) String() string     { return v.text }
func (v *ruleValue) Set(s string) error { v.text = s; return nil }
func (v *ruleValue) Type() string       { return v.arg }

type gcOptions struct {
	dryRun, now, auto bool
	rules             map[string]string
}

func runGC(ctx context.Context, a *app, o gcOptions) error {
	if _, err := policyOf(o.rules); err != nil { // before there need be a store
		return usagef("", "%s", err)
	}
	return a.with(ctx, func(s *store.Store) error {
		res, err := s.GC(ctx, store.GCOptions{Rules: o.rules, DryRun: o.dryRun, Now: o.now, Auto: o.auto})
		if err != nil {
			return err
		}
		if a.json {
			err = a.writeGC(res)
		} else {
			err = a.printGC(res)
		}
		if err == nil && res.Left > 0 {
			err = reportedError{exitFailed}
		}
		return err
	})
}

func policyOf(rules map[string]string) (*policy.Policy, error) {
	p := &policy.Policy{}
	for _, name := range policy.Rules() {
		if v, ok := rules[name]; ok {
			if err := p.Set(name, v); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

func (a *app) printGC(res *store.GCResult) error {
	a.progress.close()
	out, st := a.out, a.style
	if res.DryRun {
		table, rows := columns{}, 0
		for it := range res.Items() {
			if rows++; rows%1000 == 0 { // of very many, columns need not be as wide everywhere
				table.write(out)
				table = columns{}
			}
			verdict, look := "keep", st.good
			if !it.Keep {
				verdict, look = "expire", st.bad
			}
			size := ""
			if !it.Keep {
				size = humanBytes(it.Stored)
			}
			table.add(cell{text: verdict, look: look}, cell{text: it.Version, look: st.version}, cell{text: cleanLine(it.Branch), look: st.dim},
				cell{text: cleanLine(it.Path)}, cell{text: size, right: true}, cell{text: cleanLine(strings.Join(it.Reasons, "; ")), look: st.dim})
		}
		table.write(out)
	}
	would := ""
	if res.DryRun {
		would = "would be "
	}
	for _, b := range res.Branches {
		fmt.Fprintf(out, "branch %s %sdeleted: older than its ttl\n", cleanLine(b), would)
	}
	if res.Policy != "" || res.Expire > 0 {
		fmt.Fprintf(out, "%d kept, %d %sexpired (%s)\n", res.Keep, res.Expire, would, cleanLine(res.Policy))
	}
	if res.Condemned > 0 {
		fmt.Fprintf(out, "%s can be taken back by 'mstore undelete', until gc removes it after %s\n", humanBytes(res.Condemned), res.Until.UTC().Format("2006-01-02 15:04 MST"))
	}
	switch {
	case res.DryRun:
		fmt.Fprintf(out, "%s would be freed\n", humanBytes(res.Freed))
	case res.Removed > 0:
		fmt.Fprintf(out, "%s removed\n", plural(res.Removed, "pack"))
	}
	if !res.DryRun && (res.Repack.Packs > 0 || res.Expire+res.Removed == 0) {
		fmt.Fprintln(out, repacked(&res.Repack))
	}
	return out.failed()
}

// gcDoc is what gc and expire print as JSON, but for the lists of kept and expired
// contents, which may be long.
type gcDoc struct {
	DryRun    bool     `json:"dry_run"`
	Policy    string   `json:"policy"`
	Freed     int64    `json:"bytes_freed"`
	Condemned int64    `json:"bytes_condemned"`
	Until     string   `json:"removable_at,omitempty"`
	Branches  []string `json:"branches_deleted"`
	Removed   int      `json:"packs_removed"`
}

type keptDoc struct {
	Version string   `json:"version"`
	ID      string   `json:"id"`
	Branch  string   `json:"branch"`
	Path    string   `json:"path"`
	Reasons []string `json:"reasons"`
}

type expiringDoc struct {
	Version string `json:"version"`
	ID      string `json:"id"`
	Branch  string `json:"branch"`
	Path    string `json:"path"`
	Bytes   int64  `json:"bytes"`
	Stored  int64  `json:"stored_bytes"`
	Reason  string `json:"reason"`
}

// writeGC writes one document, its lists item by item.
func (a *app) writeGC(res *store.GCResult) error {
	d := gcDoc{DryRun: res.DryRun, Policy: res.Policy, Freed: res.Freed, Condemned: res.Condemned, Branches: list(res.Branches), Removed: res.Removed}
	if res.Condemned > 0 {
		d.Until = res.Until.UTC().Format(time.RFC3339)
	}
	head, err := json.Marshal(d)
	if err != nil {
		return err
	}
	a.out.Write(head[:len(head)-1])
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	var kept keptDoc
	var expiring expiringDoc
	id, of := "", objects.VersionID{} // of the item before: many are of one version
	for _, l := range []struct {
		name string
		keep bool
	}{{"kept", true}, {"expired", false}} {
		fmt.Fprintf(a.out, ",%q:[", l.name)
		sep := ""
		for it := range res.Items() {
			if it.Keep != l.keep {
				continue
			}
			a.out.WriteString(sep)
			sep = ","
			if it.ID != of || id == "" {
				id, of = it.ID.String(), it.ID
			}
			var item any = &kept
			if it.Keep {
				kept = keptDoc{it.Version, id, it.Branch, it.Path, list(it.Reasons)}
			} else {
				expiring = expiringDoc{it.Version, id, it.Branch, it.Path, it.Size, it.Stored, strings.Join(it.Reasons, "; ")}
				item = &expiring
			}
			if err := enc.Encode(item); err != nil {
				return err
			}
		}
		a.out.WriteString("]")
	}
	a.out.WriteString("}\n")
	return a.out.failed()
}
