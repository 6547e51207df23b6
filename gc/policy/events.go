package policy

// event is a change of one path: something put there (item), or nothing that
// counts (-1: removed, or gone since).
type event struct {
	pre  int32 // number of the version in the forest
	item int32
}

// events are all changes by path; those of a path stand in the forest's order,
// so that an event's successors on all lines follow it.
type events struct {
	paths []string
	ids   map[string]int32
	start []int32 // by path, and the end of all
	all   []event
}

func (es *events) of(path int32) []event { return es.all[es.start[path]:es.start[path+1]] }

// gather lists the items of a history, and its events.
func gather(versions []Version, f *forest) ([]Item, *events) {
	changes, count := 0, 0
	for v := range versions {
		changes += len(versions[v].Changes)
		for c := range versions[v].Changes {
			if versions[v].Changes[c].isItem() {
				count++
			}
		}
	}
	es := &events{ids: map[string]int32{}}
	items := make([]Item, 0, count)
	pathOf := make([]int32, 0, changes) // by change
	firstChange := make([]int32, len(versions))
	firstItem := make([]int32, len(versions))
	for v := range versions {
		firstChange[v], firstItem[v] = int32(len(pathOf)), int32(len(items))
		for i := range versions[v].Changes {
			c := &versions[v].Changes[i]
			id, ok := es.ids[c.Path]
			if !ok {
				id = int32(len(es.paths))
				es.ids[c.Path] = id
				es.paths = append(es.paths, c.Path)
				es.start = append(es.start, 0)
			}
			es.start[id]++
			pathOf = append(pathOf, id)
			if c.isItem() {
				items = append(items, Item{Version: v, Path: c.Path, Blob: c.Blob, Size: c.Size})
			}
		}
	}
	// Counts become where each path's events begin.
	sum := int32(0)
	for id, n := range es.start {
		es.start[id] = sum
		sum += n
	}
	es.start = append(es.start, sum)
	next := append([]int32(nil), es.start...)
	es.all = make([]event, sum)
	for pre, v := range f.order {
		item := firstItem[v]
		for i := range versions[v].Changes {
			e := event{int32(pre), -1}
			if versions[v].Changes[i].isItem() {
				e.item = item
				item++
			}
			id := pathOf[int(firstChange[v])+i]
			es.all[next[id]] = e
			next[id]++
		}
	}
	return items, es
}

func (c *Change) isItem() bool { return !c.Removed && !c.Gone }
