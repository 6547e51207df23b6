package policy

import "slices"

// work is the memory that the evaluation of one path leaves for the next.
type work struct {
	prev   []int32  // by event: the one that it replaced, -1: none
	masks  []uint64 // by event: the reasons with small numbers
	more   []uint64 // event and reason, of other reasons
	tips   []uint64 // event and class: where lines end, sorted
	points []point
	open   []int32 // of sweep
	counts []int32 // of keepSpan, by event
	ends   []int32 // of tipsOf
	leaps  []leap  // of byCalendar, by event
	slots  []int64
	best   []int32 // of keepBest
	way    []entered
	ids    []int32 // of decide
}

func pair(a, b int32) uint64 { return uint64(a)<<32 | uint64(uint32(b)) }

func (w *work) keep(event, reason int32) {
	if reason < maskBits {
		w.masks[event] |= 1 << reason
	} else {
		w.more = append(w.more, pair(event, reason))
	}
}

func (w *work) reset(events int) {
	w.prev = slices.Grow(w.prev[:0], events)[:events]
	w.masks = slices.Grow(w.masks[:0], events)[:events]
	w.counts = slices.Grow(w.counts[:0], events)[:events]
	clear(w.masks)
	w.more, w.tips = w.more[:0], w.tips[:0]
}

// path decides about the items of one path.
func (ev *evaluation) path(w *work, path int32) error {
	k, err := ev.kindOf(ev.events.paths[path])
	if err != nil {
		return err
	}
	evs := ev.events.of(path)
	w.reset(len(evs))
	points := ev.points
	if pins := ev.pathPins[path]; len(pins) > 0 {
		w.points = append(append(w.points[:0], points...), pins...)
		sortPoints(w.points)
		points = w.points
	}
	w.sweep(ev.forest, evs, points, func(p point, tip int32) {
		if p.reason >= 0 && evs[tip].item >= 0 {
			w.keep(tip, p.reason)
		}
		if p.class >= 0 && k.classes[p.class].counts {
			// Lines that end one after the other mostly have the same content.
			if x := pair(tip, p.class); len(w.tips) == 0 || w.tips[len(w.tips)-1] != x {
				w.tips = append(w.tips, x)
			}
		}
	})
	for _, s := range k.spans {
		ev.keepSpan(w, evs, s)
	}
	if len(w.tips) > 0 {
		slices.Sort(w.tips)
		w.tips = slices.Compact(w.tips)
		ev.byCount(w, evs, k)
		ev.byCalendar(w, evs, k)
		ev.byBest(w, evs, k)
	}
	for i, e := range evs {
		if e.item >= 0 && k.verdicts[ev.coverOf(e)].noPolicy {
			w.keep(int32(i), 0) // see firstReasons
		}
	}
	ev.decide(w, evs, k)
	return nil
}

func (ev *evaluation) coverOf(e event) int32 { return ev.lines.cover[ev.forest.order[e.pre]] }

// keepSpan keeps the events that are in force in a version of the span.
func (ev *evaluation) keepSpan(w *work, evs []event, s span) {
	clear(w.counts)
	for i, e := range evs {
		n := s.sums[ev.forest.end[e.pre]] - s.sums[e.pre]
		w.counts[i] += n
		if p := w.prev[i]; p >= 0 {
			w.counts[p] -= n
		}
	}
	for i, e := range evs {
		if e.item >= 0 && w.counts[i] > 0 {
			w.keep(int32(i), s.reason)
		}
	}
}

// decide writes what was found out into the items.
func (ev *evaluation) decide(w *work, evs []event, k *kind) {
	slices.Sort(w.more)
	more := slices.Compact(w.more)
	for i, e := range evs {
		n := 0
		for n < len(more) && more[n]>>32 == uint64(i) {
			n++
		}
		mine := more[:n]
		more = more[n:]
		if e.item < 0 {
			continue
		}
		x := &ev.items[e.item]
		switch {
		case n > 0:
			w.ids = maskIDs(w.ids[:0], w.masks[i])
			for _, m := range mine {
				w.ids = append(w.ids, int32(uint32(m)))
			}
			x.Keep, x.Reasons = true, ev.reasons.of(w.ids)
		case w.masks[i] != 0:
			x.Keep, x.Reasons = true, ev.reasons.ofMask(w.masks[i])
		default:
			x.Reasons = k.verdicts[ev.coverOf(e)].expired
		}
	}
}
