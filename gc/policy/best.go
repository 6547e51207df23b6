package policy

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/mstore/mstore/internal/expr"
)

// bestRule is a value of keep-best.
type bestRule struct{ parts []bestPart }

type bestPart struct {
	bestOf
	ranks []int32         // by version, see rankMetrics
	ids   map[int32]int32 // reasons by the metric's rank
}

func (ev *evaluation) bestRule(s *setting) *bestRule {
	if b, ok := ev.best[s]; ok {
		return b
	}
	b := &bestRule{}
	for _, x := range s.best {
		b.parts = append(b.parts, bestPart{x, ev.metrics[x.metric], map[int32]int32{}})
	}
	ev.best[s] = b
	return b
}

// byBest keeps the items with the best metrics of each line.
func (ev *evaluation) byBest(w *work, evs []event, k *kind) {
	var done []*bestRule
	for c := range k.classes {
		b := k.classes[c].best
		if b == nil || slices.Contains(done, b) {
			continue
		}
		done = append(done, b)
		tips := w.tipsOf(k, func(e *effective) bool { return e.best == b })
		for i := range b.parts {
			ev.keepBest(w, evs, &b.parts[i], tips)
		}
	}
}

// entered is what became of the best items when the way led into an event.
type entered struct {
	event   int32
	at      int32 // where in the list it was put; -1: nowhere
	dropped int32 // the event that left the list for it; -1: none
}

// keepBest goes through the events as a walk through a tree would, with the
// best items on the way to where it is, best first. Where a line ends, those
// are the line's.
func (ev *evaluation) keepBest(w *work, evs []event, b *bestPart, tips []int32) {
	list, way := w.best[:0], w.way[:0]
	rankOf := func(i int32) int32 { return b.ranks[ev.forest.order[evs[i].pre]] }
	for i := int32(0); len(tips) > 0; i++ {
		for len(way) > 0 && way[len(way)-1].event != w.prev[i] {
			last := way[len(way)-1]
			way = way[:len(way)-1]
			if last.at >= 0 {
				list = slices.Delete(list, int(last.at), int(last.at)+1)
			}
			if last.dropped >= 0 {
				list = append(list, last.dropped)
			}
		}
		step := entered{i, -1, -1}
		if mine := rankOf(i); evs[i].item >= 0 && mine >= 0 {
			// Events come older first, and of equals the newer is better.
			at, _ := slices.BinarySearchFunc(list, mine, func(x, mine int32) int {
				if other := rankOf(x); other != mine && other > mine == b.max {
					return -1
				}
				return 1
			})
			if at < b.n {
				if len(list) == b.n {
					step.dropped = list[b.n-1]
					list = list[:b.n-1]
				}
				list = slices.Insert(list, at, i)
				step.at = int32(at)
			}
		}
		way = append(way, step)
		if tips[0] == i {
			tips = tips[1:]
			for _, x := range list {
				w.keep(x, ev.bestReason(b, ev.forest.order[evs[x].pre]))
			}
		}
	}
	w.best, w.way = list, way
}

func (ev *evaluation) bestReason(b *bestPart, v int32) int32 {
	id, ok := b.ids[b.ranks[v]]
	if !ok {
		text := fmt.Sprintf("best %s (%s) %d: %s", b.metric, b.direction(), b.n, formatMetric(ev.in.Versions[v].Metrics[b.metric]))
		id = ev.reasons.id(rank(keepBest), text)
		b.ids[b.ranks[v]] = id
	}
	return id
}

// rankMetrics replaces the values of metrics by their rank, for each version:
// equal values have equal ranks, and -1 is a version without such a number. So
// the integers that a float cannot tell apart keep their order.
func rankMetrics(versions []Version, names []string) map[string][]int32 {
	all := map[string][]int32{}
	for _, name := range names {
		ranks := make([]int32, len(versions))
		var have []int32
		for v := range versions {
			ranks[v] = -1
			if isNumber(versions[v].Metrics[name]) {
				have = append(have, int32(v))
			}
		}
		compare := func(a, b int32) int {
			order, _ := expr.Compare(versions[a].Metrics[name], versions[b].Metrics[name])
			return order
		}
		slices.SortFunc(have, compare)
		rank := int32(0)
		for i, v := range have {
			if i > 0 && compare(have[i-1], v) != 0 {
				rank++
			}
			ranks[v] = rank
		}
		all[name] = ranks
	}
	return all
}

func isNumber(value any) bool {
	switch x := value.(type) {
	case int64:
		return true
	case float64:
		return x == x // not NaN
	}
	return false
}

// formatMetric writes equal numbers alike, whatever their type.
func formatMetric(value any) string {
	if f, ok := value.(float64); ok {
		if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
			return strconv.FormatInt(int64(f), 10)
		}
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return fmt.Sprint(value)
}
