package policy

import "slices"

// calendarRules is the number of rules from keep-hourly to keep-yearly.
const calendarRules = int(keepYearly-keepHourly) + 1

// effective is the rules for some models on some lines. Those that count items
// stand apart, see byCount, byCalendar and byBest.
type effective struct {
	rules    rules
	noPolicy bool
	counts   bool // any of the following is set
	last     quota
	never    quota
	calendar [calendarRules]quota
	best     *bestRule
}

// quota is how many items a rule keeps, and the reason.
type quota struct {
	n      int
	reason int32
}

func (ev *evaluation) newEffective(r rules) effective {
	e := effective{rules: r, noPolicy: r.noKeep()}
	count := func(s *setting) quota {
		if s == nil || s.off {
			return quota{}
		}
		e.counts = true
		return quota{s.n, ev.reasons.id(rank(s.rule), s.reason())}
	}
	e.last, e.never = count(r[keepLast]), count(r[neverBelow])
	for i := range e.calendar {
		e.calendar[i] = count(r[keepHourly+rule(i)])
	}
	if s := r[keepBest]; s != nil && !s.off {
		e.counts, e.best = true, ev.bestRule(s)
	}
	return e
}

// byCount keeps what is among the newest on any line: of keep-last and
// never-below. Like all rules that count it starts at the ends of lines
// (w.tips) and goes back over what each event replaced.
func (ev *evaluation) byCount(w *work, evs []event, k *kind) {
	for _, tip := range w.tips {
		e := &k.classes[uint32(tip)]
		count, enough := 0, max(e.last.n, e.never.n)
		for i := int32(tip >> 32); i >= 0 && count < enough; i = w.prev[i] {
			if evs[i].item < 0 {
				continue
			}
			if count < e.last.n {
				w.keep(i, e.last.reason)
			}
			if count < e.never.n {
				w.keep(i, e.never.reason)
			}
			count++
		}
	}
}

// tipsOf lists the events at which lines end whose rules satisfy ok, in
// ascending order.
func (w *work) tipsOf(k *kind, ok func(*effective) bool) []int32 {
	w.ends = w.ends[:0]
	for _, tip := range w.tips {
		if ok(&k.classes[uint32(tip)]) {
			w.ends = append(w.ends, int32(tip>>32))
		}
	}
	w.ends = slices.Compact(w.ends)
	return w.ends
}
