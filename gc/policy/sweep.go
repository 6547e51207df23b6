package policy

import "sort"

// point is a version at which it matters what is in force: the tip of a line, a
// pin, or both.
type point struct {
	pre    int32 // number in the forest
	reason int32 // that keeps what is in force there; -1: none
	class  int32 // of the line; -1: no line ends there
}

// sweep goes through a path's events and the points, both in the forest's
// order. prev[i] becomes the event that event i replaced (-1: none). at is
// called for each point at which something is in force, with that event.
func (w *work) sweep(f *forest, evs []event, points []point, at func(point, int32)) {
	open := w.open[:0] // events that contain where the sweep is, innermost last
	leave := func(pre int32) int32 {
		for len(open) > 0 && f.end[evs[open[len(open)-1]].pre] <= pre {
			open = open[:len(open)-1]
		}
		if len(open) == 0 {
			return -1
		}
		return open[len(open)-1]
	}
	for i, e := range evs {
		for len(points) > 0 && points[0].pre < e.pre {
			tip := leave(points[0].pre)
			if tip < 0 {
				skip := sort.Search(len(points), func(j int) bool { return points[j].pre >= e.pre })
				points = points[skip:]
				break
			}
			at(points[0], tip)
			points = points[1:]
		}
		w.prev[i] = leave(e.pre)
		open = append(open, int32(i))
	}
	for _, p := range points {
		tip := leave(p.pre)
		if tip < 0 {
			break
		}
		at(p, tip)
	}
	w.open = open
}
