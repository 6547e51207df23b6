package policy

import (
	"time"
)

// span is a rule that picks versions and keeps all that is in force in them. An
// event is in force in its descendants but those of the events that replace it,
// so counting the picked versions below each tells whether it is in force in
// one.
type span struct {
	sums   []int32 // of picked versions, see forest
	reason int32
}

// spanKey: settings that pick the same versions share one span.
type spanKey struct {
	rule  rule
	value string
	level level
	own   *setting // of the branch level
}

// spansFor returns the spans that matter to models with these rules.
func (ev *evaluation) spansFor(model *rules) ([]span, error) {
	var list []span
	add := func(s *span, err error) error {
		if err == nil && s != nil {
			list = append(list, *s)
		}
		return err
	}
	for _, r := range []rule{keepWithin, keepWhere} {
		if s := model[r]; s != nil && !s.off {
			key := spanKey{r, s.key(), ofModels, nil}
			if err := add(ev.span(key, s, func(c *rules) bool { return c[r] == nil })); err != nil {
				return nil, err
			}
		}
		seen := map[*setting]bool{}
		for _, class := range ev.lines.classes {
			s := class[r]
			if s == nil || s.off || seen[s] {
				continue
			}
			seen[s] = true
			key := spanKey{r, s.key(), ofBranches, s}
			if err := add(ev.span(key, s, func(c *rules) bool { return c[r] == s })); err != nil {
				return nil, err
			}
		}
	}
	if ev.future.sums != nil {
		list = append(list, ev.future)
	}
	return list, nil
}

// span picks the versions of a rule on the lines whose class satisfies on; nil
// if there are none.
func (ev *evaluation) span(key spanKey, s *setting, on func(*rules) bool) (*span, error) {
	if x, ok := ev.spans[key]; ok {
		return x, nil
	}
	with := ev.lines.coversWith(on)
	picked := make([]bool, len(ev.in.Versions))
	if s.rule == keepWithin {
		ev.pickWithin(picked, s.d, with, on)
	} else if err := ev.pickWhere(picked, s, with); err != nil {
		return nil, err
	}
	var x *span
	if sums := ev.forest.sums(func(v int32) bool { return picked[v] }); sums != nil {
		x = &span{sums, ev.reasons.id(rank(s.rule), s.reason())}
	}
	ev.spans[key] = x
	return x, nil
}

// pickWithin picks versions that were the newest of their line at some moment
// of the window: those of the window, and the one before it unless the next
// came at its very beginning. A head is the newest still; when the branch of
// another tip was deleted is not known, so its last moment is its own.
func (ev *evaluation) pickWithin(picked []bool, d time.Duration, with []bool, on func(*rules) bool) {
	versions, start := ev.in.Versions, ev.ref.Add(-d)
	for v := range versions {
		if !with[ev.lines.cover[v]] {
			continue
		}
		x := &versions[v]
		if !x.Time.Before(start) && !x.Time.After(ev.ref) {
			picked[v] = true
		}
		if p := x.Parent; p >= 0 && x.Time.After(start) && versions[p].Time.Before(start) {
			picked[p] = true
		}
	}
	for _, l := range ev.lines.list {
		if l.head && on(&ev.lines.classes[l.class]) && !versions[l.tip].Time.After(ev.ref) {
			picked[l.tip] = true
		}
	}
}

func (ev *evaluation) pickWhere(picked []bool, s *setting, with []bool) error {
	// The same expression may stand in several places.
	known := ev.matches[s.key()]
	if known == nil {
		known = make([]int8, len(picked))
		ev.matches[s.key()] = known
	}
	for v := range picked {
		if !with[ev.lines.cover[v]] {
			continue
		}
		if known[v] == 0 {
			ok, err := s.where.Eval(versionEnv(&ev.in.Versions[v]))
			if err != nil {
				return err
			}
			known[v] = -1
			if ok {
				known[v] = 1
			}
		}
		picked[v] = known[v] > 0
	}
	return nil
}

// pickFuture picks the versions that are dated after the reference.
func (ev *evaluation) pickFuture() span {
	sums := ev.forest.sums(func(v int32) bool {
		return ev.lines.cover[v] != 0 && ev.in.Versions[v].Time.After(ev.ref)
	})
	return span{sums, ev.reasons.id(rankFuture, futureText)}
}
