package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mstore/mstore/store"
)

type bisectDoc struct {
	UnderWay   bool               `json:"under_way"`
	Found      bool               `json:"found"`
	Version    string             `json:"version"`
	ID         string             `json:"id"`
	Path       string             `json:"path"`
	Good       *bisectVersionDoc  `json:"good"` // null: no search
	Bad        *bisectVersionDoc  `json:"bad"`
	Left       uint64             `json:"left"`
	Steps      int                `json:"steps"`
	Paths      []string           `json:"paths"`
	Candidates []bisectVersionDoc `json:"candidates"`
	Log        []bisectVersionDoc `json:"log"`
}

type bisectVersionDoc struct {
	Version string        `json:"version"`
	ID      string        `json:"id"`
	Verdict store.Verdict `json:"verdict,omitempty"`
}

func newBisectDoc(d *store.BisectStatus) *bisectDoc {
	doc := &bisectDoc{UnderWay: d.Dir != "", Found: d.First != nil, Path: d.Dir, Left: d.Left, Steps: d.Steps, Paths: list(d.Paths),
		Good: &bisectVersionDoc{Version: d.Good.Name, ID: d.Good.ID}, Bad: &bisectVersionDoc{Version: d.Bad.Name, ID: d.Bad.ID},
		Candidates: bisectVersions(d.Candidates), Log: bisectVersions(d.Log)}
	for _, v := range []*store.Version{d.Next, d.First} {
		if v != nil {
			doc.Version, doc.ID = v.Name, v.ID.String()
		}
	}
	return doc
}

func bisectVersions(versions []store.BisectVersion) []bisectVersionDoc {
	docs := make([]bisectVersionDoc, len(versions))
	for i, v := range versions {
		docs[i] = bisectVersionDoc{v.Name, v.ID, v.Verdict}
	}
	return docs
}

func runBisectStatus(ctx context.Context, a *app) error {
	return a.with(ctx, func(s *store.Store) error {
		d, err := s.BisectStatus(ctx)
		switch {
		case errors.Is(err, store.ErrNoBisect) && a.json:
			return writeJSON(a.out, &bisectDoc{Paths: []string{}, Candidates: []bisectVersionDoc{}, Log: []bisectVersionDoc{}})
		case errors.Is(err, store.ErrNoBisect):
			a.out.WriteString("no bisect is under way\n")
			return a.out.failed()
		case err != nil:
			return err
		case a.json:
			return writeJSON(a.out, newBisectDoc(d))
		}
		fmt.Fprintf(a.out, "good: %s %.10s\nbad:  %s %.10s\n", d.Good.Name, d.Good.ID, d.Bad.Name, d.Bad.ID)
		if len(d.Paths) > 0 {
			fmt.Fprintf(a.out, "only the %s that changed %s\n", plural(d.Only, "version"), cleanLine(strings.Join(d.Paths, ", ")))
		}
		table := columns{indent: "  "}
		for _, v := range d.Log {
			look := a.style.dim
			switch v.Verdict {
			case store.VerdictGood:
				look = a.style.good
			case store.VerdictBad:
				look = a.style.bad
			}
			table.add(cell{text: string(v.Verdict), look: look}, cell{text: v.Name, look: a.style.version}, cell{text: v.ID[:10], look: a.style.dim})
		}
		table.write(a.out)
		a.printBisect(d)
		return a.out.failed()
	})
}

// reportBisect tells how a search stands after a verdict; exit code 1 when no test can
// tell the first bad version.
func (a *app) reportBisect(d *store.BisectStatus) error {
	a.progress.close()
	var err error
	if a.json {
		err = writeJSON(a.out, newBisectDoc(d))
	} else {
		a.printBisect(d)
		err = a.out.failed()
	}
	if err == nil && d.First == nil && d.Next == nil {
		err = reportedError{exitFailed}
	}
	return err
}

func (a *app) printBisect(d *store.BisectStatus) {
	st := a.style
	switch {
	case d.First != nil:
		fmt.Fprintf(a.out, "%s is the first bad version\n", d.First.Name)
		v := d.First
		a.say("%s  %s  %s  %s", a.errStyle.version.Sprintf("%s %s", v.Name, v.ID.Short()), ago(v.Time, a.now()), cleanLine(v.Author), cleanLine(firstLine(v.Message)))
	case d.Next != nil:
		fmt.Fprintf(a.out, "%s is to be tested in %s (%s)\n", st.version.Sprintf("%s %s", d.Next.Name, d.Next.ID.Short()), cleanLine(d.Dir), leftToTest(d.Left, d.Steps))
	default:
		a.out.WriteString("only versions are left that were skipped; the first bad one is one of these:\n")
		table := columns{indent: "  "}
		for _, v := range d.Candidates {
			table.add(cell{text: v.Name, look: st.version}, cell{text: v.ID[:10], look: st.dim})
		}
		table.write(a.out)
	}
}

// leftToTest is "12 versions left, 4 tests".
func leftToTest(left uint64, tests int) string {
	return plural(int(left), "version") + " left, about " + plural(tests, "test")
}
