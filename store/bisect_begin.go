package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/internal/bisect"
	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/journal"
)

// begin finds out where the search is to look.
func (b *Bisect) begin(ctx context.Context, o BisectOptions) error {
	if o.Bad == "" || len(o.Good) == 0 {
		return as(ErrUsage, errors.New("a bisect needs a bad version and a good one"))
	}
	var err error
	if b.sn, err = b.s.load(ctx); err != nil {
		return err
	}
	bad, err := b.s.resolve(ctx, b.sn, o.Bad)
	if err != nil {
		return err
	}
	var good *Version
	for _, rev := range o.Good {
		v, err := b.s.resolve(ctx, b.sn, rev)
		if err != nil {
			return err
		}
		if err := b.leadsTo(ctx, v, bad, rev, o.Bad); err != nil {
			return err
		}
		if good == nil || v.Seq > good.Seq {
			good = v
		}
	}
	if b.st, err = bisect.NewState(bisectVersion(good.target), bisectVersion(bad.target)); err != nil {
		return as(ErrUsage, err)
	}
	if b.st.Paths = o.Paths; len(o.Paths) > 0 {
		if err := b.only(ctx, good, bad); err != nil {
			return err
		}
	}
	b.search, err = b.st.Search()
	return err
}

// leadsTo refuses a good version that is no first-parent ancestor of the bad one.
func (b *Bisect) leadsTo(ctx context.Context, good, bad *Version, goodRev, badRev string) error {
	if good.ID == bad.ID {
		return as(ErrUsage, fmt.Errorf("%s and %s are the same version, %s %s: it cannot be good and bad", badRev, goodRev, bad.Name, bad.ID.Short()))
	}
	older, newer := good, bad
	if good.Seq > bad.Seq {
		older, newer = bad, good
	}
	t, err := b.sn.h.FindSeq(ctx, newer.target, older.Seq)
	if err != nil && !errors.Is(err, journal.ErrNotFound) {
		return classify(err)
	}
	switch {
	case err == nil && t.ID == older.ID && older == good:
		return nil
	case err == nil && t.ID == older.ID:
		return as(ErrUsage, fmt.Errorf("the good version %s comes after the bad one %s: what became bad is looked for, from an old good version to a new bad one (mstore bisect start %s %s looks the other way round)",
			good.Name, bad.Name, goodRev, badRev))
	}
	common, ok, err := b.sn.newestCommon(ctx, good.target, bad.target)
	if err != nil {
		return err
	}
	way := "they have no version in common"
	if ok {
		way = fmt.Sprintf("the newest version that led to both is v%d %s; if it is good: mstore bisect start %s %.16s", common.Seq, common.ID.Short(), badRev, common.ID)
	}
	return as(ErrConflict, fmt.Errorf("the good version %s %s did not lead to the bad one %s %s, so nothing can be looked for between them: %s",
		good.Name, good.ID.Short(), bad.Name, bad.ID.Short(), way))
}

// newestCommon is the newest version among the first parents of both. It costs one read
// for each branching off.
func (sn *snapshot) newestCommon(ctx context.Context, a, b journal.Target) (journal.Target, bool, error) {
	ofA, err := sn.firstLines(ctx, a)
	if err != nil {
		return a, false, classify(err)
	}
	ofB, err := sn.firstLines(ctx, b)
	if err != nil {
		return a, false, classify(err)
	}
	seq := uint64(0)
	for line, last := range ofB {
		seq = max(seq, min(last, ofA[line]))
	}
	if seq == 0 {
		return a, false, nil
	}
	t, err := sn.h.FindSeq(ctx, b, seq)
	return t, err == nil, classify(err)
}

// only lists the versions that changed what the search is about. Where many versions
// are, the history index tells them.
func (b *Bisect) only(ctx context.Context, good, bad *Version) error {
	for v, err := range b.s.Log(ctx, LogOptions{Rev: bad.ID.String(), First: true, Paths: b.st.Paths}) {
		if err != nil {
			return err
		}
		if v.Seq <= good.Seq {
			break
		}
		b.st.Only = append(b.st.Only, v.Seq)
	}
	slices.Reverse(b.st.Only)
	if len(b.st.Only) == 0 {
		return as(ErrNotFound, fmt.Errorf("no version after %s up to %s changed %q", good.Name, bad.Name, b.st.Paths))
	}
	return nil
}

// BisectWhere searches for the first version of which an expression is true, among those
// after Good up to Bad, and keeps nothing. Versions that lack a parameter, metric or other
// metadata that the expression names are skipped. ErrConflict: it is true of the good
// version, or not of the bad one.
func (s *Store) BisectWhere(ctx context.Context, o BisectOptions) (*BisectStatus, error) {
	where, err := expr.Parse(o.Where)
	if err == nil {
		err = where.Check(LogFields)
	}
	if err != nil {
		return nil, classify(err)
	}
	b := &Bisect{s: s}
	if err := b.begin(ctx, o); err != nil {
		return nil, err
	}
	if err := b.holdsAtEnds(ctx, where); err != nil {
		return nil, err
	}
	for {
		v, err := b.next(ctx)
		if err != nil {
			return nil, err
		}
		if v == nil {
			return b.Status(ctx)
		}
		verdict, _, err := b.verdict(ctx, v, where)
		if err != nil {
			return nil, err
		}
		if err := b.search.Mark(b.st.Place(v.Seq), verdict); err != nil {
			return nil, err
		}
		b.st.Steps = append(b.st.Steps, bisect.Step{Version: bisectVersion(v.target), Verdict: verdict})
	}
}

// holdsAtEnds makes sure that the expression is false of the good version, or cannot be
// told of it, and true of the bad one.
func (b *Bisect) holdsAtEnds(ctx context.Context, where *expr.Expr) error {
	good, bad := b.search.Range()
	for _, end := range []struct {
		place uint64
		said  Verdict
	}{{good, VerdictGood}, {bad, VerdictBad}} {
		v, err := b.at(ctx, end.place)
		if err != nil {
			return err
		}
		got, lacks, err := b.verdict(ctx, v, where)
		switch {
		case err != nil:
			return err
		case got == VerdictSkip && end.said == VerdictBad:
			return as(ErrConflict, fmt.Errorf("%s is said to be bad, and has no %s, so that the expression cannot tell", v.Name, lacks))
		case got != VerdictSkip && got != end.said:
			not := "not "
			if got == VerdictBad {
				not = ""
			}
			return as(ErrConflict, fmt.Errorf("%s is said to be %s, and the expression is %strue of it: %s (it must be true of bad versions, and of these alone)", v.Name, end.said, not, where))
		}
	}
	return nil
}

// verdict is what an expression says of a version; lacks names the first field that it
// would need.
func (b *Bisect) verdict(ctx context.Context, v *Version, where *expr.Expr) (verdict Verdict, lacks string, err error) {
	meta := v.Env()
	for _, f := range where.Fields() {
		if value, _ := meta.Lookup(f); value == nil && isMetadata(f) {
			return VerdictSkip, f, nil
		}
	}
	hits, err := (&index.Where{Expr: where, Facts: b.s.facts(ctx, b.sn)}).Match(v.record())
	if err != nil {
		return "", "", classify(err)
	}
	if len(hits) > 0 {
		return VerdictBad, "", nil
	}
	return VerdictGood, "", nil
}

// isMetadata tells whether a field is one that a version may lack.
func isMetadata(field string) bool { return strings.Contains(field, ".") }
