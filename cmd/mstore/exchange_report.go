package main

import (
	"github.com/mstore/mstore/store"
)

// exchangeDoc is what fetch and push print in JSON.
type exchangeDoc struct {
	Remote   string         `json:"remote"` // its name; empty for a bare location
	URL      string         `json:"url"`
	DryRun   bool           `json:"dry_run"`
	Refs     []refUpdateDoc `json:"refs"`
	Versions int            `json:"versions"` // that were lacking
	Records  int            `json:"records"`  // pieces, recipes and tree nodes that were copied
	Bytes    int64          `json:"bytes"`    // stored for it
	Packs    int            `json:"packs"`
	Expired  int            `json:"expired"`  // contents that had expired on the other side
	LeftOut  int            `json:"left_out"` // contents that a filter left out
}

// refUpdateDoc is what became of one name. Old and new are null where there was, or
// is, none.
type refUpdateDoc struct {
	Kind   string  `json:"kind"` // branch, tag or alias
	From   string  `json:"from"` // on the side that gives
	To     string  `json:"to"`   // on the side that takes
	Old    *refDoc `json:"old"`
	New    *refDoc `json:"new"`
	Result string  `json:"result"` // new, fast-forward, forced, moved, up-to-date, deleted or rejected
	Reason string  `json:"reason"` // why it was rejected
}

func newExchangeDoc(r *store.ExchangeResult) *exchangeDoc {
	if r == nil {
		return nil
	}
	d := &exchangeDoc{Remote: r.Remote, URL: r.URL, DryRun: r.DryRun, Refs: make([]refUpdateDoc, len(r.Refs)), Versions: r.Versions, Records: r.Records,
		Bytes: r.Bytes, Packs: r.Packs, Expired: r.Expired, LeftOut: r.LeftOut}
	place := func(p *store.Place) *refDoc {
		if p == nil {
			return nil
		}
		return &refDoc{p.String(), p.ID.String()}
	}
	for i, u := range r.Refs {
		d.Refs[i] = refUpdateDoc{u.Kind.String(), u.From, u.To, place(u.Old), place(u.New), u.Outcome, u.Reason}
	}
	return d
}

// printExchange lists the names that moved, and sums up.
func (a *app) printExchange(r *store.ExchangeResult, done, would string) error {
	a.progress.close()
	st, table := a.style, columns{}
	still := 0
	for _, u := range r.Refs {
		if u.Outcome == store.RefUpToDate {
			still++
			continue
		}
		mark, look := " ", st.version
		switch u.Outcome {
		case store.RefNew:
			mark, look = "*", st.added
		case store.RefForced:
			mark, look = "+", st.warn
		case store.RefDeleted:
			mark, look = "-", st.removed
		case store.RefRejected:
			mark, look = "!", st.bad
		}
		where := ""
		switch {
		case u.Old != nil && u.New != nil:
			where = u.Old.String() + ".." + u.New.String()
		case u.New != nil:
			where = u.New.String()
		}
		names := u.To
		if u.From != "" && u.From != u.To {
			names = u.From + " -> " + u.To
		}
		table.add(cell{text: mark + " " + u.Outcome, look: look}, cell{text: cleanLine(names), look: st.branch}, cell{text: where, look: st.version}, cell{text: cleanLine(u.Reason)})
	}
	if err := table.write(a.out); err != nil {
		return err
	}
	name := r.Remote
	if name == "" {
		name = r.URL
	}
	verb := done
	if r.DryRun {
		verb = would
	}
	switch {
	case r.Versions > 0 && r.DryRun:
		a.say("%s %s %s %s", plural(r.Versions, "version"), verb, direction(done), cleanLine(name))
	case r.Versions > 0 || r.Bytes > 0:
		a.say("%s %s %s %s: %s in %s", plural(r.Versions, "version"), verb, direction(done), cleanLine(name), humanBytes(r.Bytes), plural(r.Packs, "pack"))
	case still == len(r.Refs):
		a.say("%s: everything up to date", cleanLine(name))
	}
	if r.Expired > 0 {
		a.say("%s had expired there, and so they have here", plural(r.Expired, "content"))
	}
	if r.LeftOut > 0 {
		a.say("%s left out, as this clone is partial", plural(r.LeftOut, "content"))
	}
	return a.out.failed()
}

func direction(done string) string {
	if done == "pushed" {
		return "to"
	}
	return "from"
}

// reportExchange prints what an exchange did, as far as it came, and hands its error on.
func (a *app) reportExchange(r *store.ExchangeResult, done, would string, err error) error {
	if r == nil || err != nil && len(r.Refs) == 0 {
		return err
	}
	var perr error
	switch {
	case a.json && err == nil, a.json && rejectedOnly(r):
		perr = writeJSON(a.out, newExchangeDoc(r))
	case !a.json && (err == nil || rejectedOnly(r)):
		perr = a.printExchange(r, done, would)
	case !a.json && r.Bytes > 0:
		a.say("%s in %s were copied before that, and are not copied again", humanBytes(r.Bytes), plural(r.Packs, "pack"))
	}
	if err == nil {
		err = perr
	}
	return err
}

// rejectedOnly tells whether some names were refused, so that all else was done.
func rejectedOnly(r *store.ExchangeResult) bool {
	for _, u := range r.Refs {
		if u.Outcome == store.RefRejected {
			return true
		}
	}
	return false
}
