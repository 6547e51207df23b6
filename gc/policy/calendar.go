package policy

import (
	"cmp"
	"slices"
	"time"
)

// dates are the hours, days, weeks, months and years of versions, in UTC.
type dates struct {
	seconds []int64 // since 1970
	months  []int64 // since the year 0
	future  []bool  // after the reference
}

func newDates(versions []Version, ref time.Time) *dates {
	d := &dates{make([]int64, len(versions)), make([]int64, len(versions)), make([]bool, len(versions))}
	for i := range versions {
		t := versions[i].Time.UTC()
		d.seconds[i] = t.Unix()
		d.months[i] = int64(t.Year())*12 + int64(t.Month()) - 1
		d.future[i] = t.After(ref)
	}
	return d
}

// slot numbers the hour (0), day (1), week (2), month (3) or year (4) in which
// version v lies.
func (d *dates) slot(unit int, v int32) int64 {
	switch unit {
	case 0:
		return floorDiv(d.seconds[v], 3600)
	case 1:
		return floorDiv(d.seconds[v], 86400)
	case 2:
		// 1970 began on a Thursday.
		return floorDiv(floorDiv(d.seconds[v], 86400)+3, 7)
	case 3:
		return d.months[v]
	}
	return floorDiv(d.months[v], 12)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// byCalendar keeps the newest item of each hour, day and so on. A line leaps
// from an item to the next older one of another slot, so that it costs no more
// than it keeps, however long the history is that it shares with others.
func (ev *evaluation) byCalendar(w *work, evs []event, k *kind) {
	for unit := range calendarRules {
		if !slices.ContainsFunc(k.classes, func(e effective) bool { return e.calendar[unit].n > 0 }) {
			continue
		}
		w.leaps = slices.Grow(w.leaps[:0], len(evs))[:len(evs)]
		for i, e := range evs {
			x := leap{dated: -1, next: -1}
			if p := w.prev[i]; p >= 0 {
				x.dated = w.leaps[p].dated
			}
			v := ev.forest.order[e.pre]
			if e.item >= 0 && !ev.dates.future[v] {
				x.slot = ev.dates.slot(unit, v)
				x.next = x.dated
				if x.next >= 0 && w.leaps[x.next].slot == x.slot {
					x.next = w.leaps[x.next].next
				}
				x.dated = int32(i)
			}
			w.leaps[i] = x
		}
		for _, tip := range w.tips {
			w.keepDates(k.classes[uint32(tip)].calendar[unit], int32(tip>>32))
		}
	}
}

// leap is where a walk over the slots goes on from an event.
type leap struct {
	slot  int64
	dated int32 // the event itself if it has a slot, else the latest before it that has
	next  int32 // the latest event before it that has another slot, -1: none
}

func (w *work) keepDates(q quota, tip int32) {
	seen := w.slots[:0]
	for i := w.leaps[tip].dated; i >= 0 && len(seen) < q.n; i = w.leaps[i].next {
		// Later dates first; only a clock that went back puts one in between.
		at, found := slices.BinarySearchFunc(seen, w.leaps[i].slot, func(a, b int64) int { return cmp.Compare(b, a) })
		if !found {
			seen = slices.Insert(seen, at, w.leaps[i].slot)
			w.keep(i, q.reason)
		}
	}
	w.slots = seen
}
