package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newFsckCommand(a *app) *cobra.Command {
	var o fsckOptions
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Prove that the store is intact",
		Long: `Prove that the store is intact: read every pack, decode and hash every piece and
every model again, and follow the journal's chain of hashes. --quick checks the
structure and that everything is there, without reading the models.

Each problem is printed with the models and versions that it hurts. Content that a
retention policy has let go is no problem, nor is content that a remote promises, of a
store that was cloned in part: how much that is, is told. --remote asks the remotes
whether they still have it; what one has lost is a problem then.

--repair writes again what is damaged: files from parity, from mirrors ('mstore
replicate') and other copies of the store, journal entries from what repeats them, models
from the working directory (a file with the right hash), from remotes, or from the second
store (store.second, another store that has the same models), what is derived anew. Then
it checks again: what is printed is what could not be repaired.

--sample 5% reads the content of that share of the packs only, and the next one goes on
where it ended; --since 7d that of packs that came since then: for checks that run by
the clock. The structure of everything is checked all the same. 'mstore doctor' tells
when the last check was.

With --json: ok, objects, bytes, problems (kind: corrupt, missing, dangling-ref
or index; object, path, versions, detail), repaired, repairs (object, path, from),
expired (contents that were let go), promised (contents that lie at a remote alone),
expired_there (of these, known with --remote: let go at the remote).

Exit codes: 0 intact, or all repaired; 1 problems were found, or --remote cannot reach
a remote; 2 wrong usage; 3 no
store; 4 so much is damaged that the check could not go on; 5 --repair cannot write
to the store; 130 interrupted.`,
		Example: `  mstore fsck
  mstore fsck --quick
  mstore fsck --remote
  mstore fsck --repair
  mstore fsck --sample 5%
  mstore fsck --since 7d
  mstore fsck --json | jq '.problems[].path'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runFsck(cmd.Context(), a, o) },
	}
	cmd.Flags().BoolVar(&o.quick, "quick", false, "structure and reachability only")
	cmd.Flags().BoolVar(&o.repair, "repair", false, "write again what is damaged")
	cmd.Flags().StringVar(&o.sample, "sample", "", "read `SHARE` of the content, such as 5%, going on where the last one ended")
	cmd.Flags().BoolVar(&o.remote, "remote", false, "ask the remotes whether they have what they promise")
	cmd.Flags().StringVar(&o.since, "since", "", "read the content of packs that came since `TIME` only")
	a.jsonFlag(cmd, "print the report as JSON")
	return cmd
}

type fsckOptions struct {
	quick, repair bool
	remote        bool
	sample, since string
}

// share reads "5%" or "0.05".
func share(s string) (float64, error) {
	if s == "" {
		return 0, nil
	}
	number, percent := strings.CutSuffix(s, "%")
	x, err := strconv.ParseFloat(number, 64)
	if percent {
		x /= 100
	}
	if err != nil || !(x > 0 && x <= 1) {
		return 0, usagef("a share of the packs, such as --sample 5%", "--sample %s: want more than 0 and up to 100%%", s)
	}
	return x, nil
}

func runFsck(ctx context.Context, a *app, o fsckOptions) error {
	if o.quick && (o.repair || o.sample != "" || o.since != "") {
		return usagef("leave out --quick", "--quick reads no content, which --repair, --sample and --since are about")
	}
	so := store.FsckOptions{Quick: o.quick, Repair: o.repair, Remote: o.remote}
	var err error
	if so.Sample, err = share(o.sample); err != nil {
		return err
	}
	if o.since != "" {
		if so.Since, err = parseSince(o.since, a.now()); err != nil {
			return err
		}
	}
	return a.with(ctx, func(s *store.Store) error {
		start := time.Now()
		report, err := s.Fsck(ctx, so)
		if err != nil {
			return err
		}
		if a.json {
			err = writeJSON(a.out, newFsckDoc(report))
		} else {
			err = a.printFsck(report, time.Since(start))
		}
		if err == nil && !report.OK {
			err = reportedError{exitFailed}
		}
		return err
	})
}

func (a *app) printFsck(r *store.FsckReport, took time.Duration) error {
	a.progress.close()
	out, st := a.out, a.style
	for _, p := range r.Problems {
		line := st.bad.Sprint(p.Kind)
		if p.Path != "" {
			line += " " + cleanLine(p.Path)
		}
		if p.Object != "" {
			line += " " + st.dim.Sprintf("%.16s", p.Object)
		}
		if p.Detail != "" {
			line += ": " + cleanLine(p.Detail)
		}
		fmt.Fprintln(out, line)
		if len(p.Versions) > 0 {
			fmt.Fprintf(out, "    hurts %s\n", hurtVersions(p.Versions))
		}
		if next := nextStep(p); next != "" {
			fmt.Fprintf(out, "    %s %s\n", st.dim.Sprint("next:"), next)
		}
	}
	checked := fmt.Sprintf("%s objects, %s checked in %.1f s", humanize.Comma(r.Objects), humanBytes(r.Bytes), took.Seconds())
	if mb := float64(r.Bytes) / 1e6; took > 10*time.Millisecond && mb >= 1 {
		checked += fmt.Sprintf(" (%.0f MB/s)", mb/took.Seconds())
	}
	if r.Expired > 0 {
		checked += fmt.Sprintf(", %s expired", plural(r.Expired, "content"))
	}
	if r.Promised > 0 {
		checked += fmt.Sprintf(", %s promised by a remote", plural(r.Promised, "content"))
		if r.ExpiredThere > 0 {
			checked += fmt.Sprintf(" (%d of them expired there)", r.ExpiredThere)
		}
	}
	if r.Repaired > 0 {
		checked += fmt.Sprintf(", %d repaired", r.Repaired)
		for _, x := range r.Repairs {
			fmt.Fprintf(out, "%s %s: from %s\n", st.good.Sprint("repaired"), cleanLine(strings.TrimSpace(x.Path+" "+x.Object)), x.From)
		}
	}
	if r.OK {
		fmt.Fprintf(out, "%s %s\n", st.good.Sprint("ok:"), checked)
	} else {
		fmt.Fprintf(out, "%s %s\n", st.bad.Sprint(plural(len(r.Problems), "problem")+":"), checked)
	}
	return out.failed()
}

// hurtVersions is "v3, v4 and 12 more on main; v3 on exp".
func hurtVersions(refs []store.VersionRef) string {
	var order []string
	byBranch := map[string][]string{}
	for _, r := range refs {
		if byBranch[r.Branch] == nil {
			order = append(order, r.Branch)
		}
		byBranch[r.Branch] = append(byBranch[r.Branch], r.Version)
	}
	var parts []string
	for _, b := range order {
		names := byBranch[b]
		text := strings.Join(names[:min(len(names), 6)], ", ")
		if more := len(names) - 6; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		if b != "" {
			text += " on " + cleanLine(b)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// nextStep is what a person can do about a problem.
func nextStep(p store.Problem) string {
	switch {
	case p.Kind == "index":
		return "nothing is lost; it is built anew when the journal is folded next, within 128 changes"
	case p.Kind == "dangling-ref":
		return "point the name at a version that is there: 'mstore branch -f NAME REV' or 'mstore alias NAME REV'"
	case p.Path == "":
		return "mstore fsck --repair"
	case len(p.Versions) > 0:
		return fmt.Sprintf("mstore fsck --repair; or commit the same bytes again from a copy, or take an earlier version: mstore checkout %s --fallback -- %s",
			p.Versions[len(p.Versions)-1].ID.Short(), shellQuote(p.Path)) // a name may be another version's on this branch
	}
	return "commit the same bytes again from a copy"
}

type fsckDoc struct {
	OK       bool         `json:"ok"`
	Objects  int64        `json:"objects"`
	Bytes    int64        `json:"bytes"`
	Problems []problemDoc `json:"problems"`
	Repaired int          `json:"repaired"`
	Repairs  []repairDoc  `json:"repairs"`
	Expired  int          `json:"expired"`
	Promised int          `json:"promised"`
	// ExpiredThere of Promised have expired at the remote; known with --remote only.
	ExpiredThere int `json:"expired_there"`
}

type repairDoc struct {
	Object string `json:"object"`
	Path   string `json:"path"`
	From   string `json:"from"`
}

type problemDoc struct {
	Kind     string       `json:"kind"`
	Object   string       `json:"object"`
	Path     string       `json:"path"`
	Versions []versionRef `json:"versions"`
	Detail   string       `json:"detail"`
}

type versionRef struct {
	Version string `json:"version"`
	Branch  string `json:"branch"`
	ID      string `json:"id"`
}

func newFsckDoc(r *store.FsckReport) *fsckDoc {
	d := &fsckDoc{OK: r.OK, Objects: r.Objects, Bytes: r.Bytes, Problems: make([]problemDoc, len(r.Problems)), Repaired: r.Repaired, Repairs: make([]repairDoc, len(r.Repairs)), Expired: r.Expired, Promised: r.Promised, ExpiredThere: r.ExpiredThere}
	for i, x := range r.Repairs {
		d.Repairs[i] = repairDoc(x)
	}
	for i, p := range r.Problems {
		d.Problems[i] = problemDoc{Kind: p.Kind, Object: p.Object, Path: p.Path, Versions: make([]versionRef, len(p.Versions)), Detail: p.Detail}
		for j, v := range p.Versions {
			d.Problems[i].Versions[j] = versionRef{Version: v.Version, Branch: v.Branch, ID: v.ID.String()}
		}
	}
	return d
}
