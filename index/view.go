package index

import (
	"fmt"
	"sort"
	"time"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/objects"
)

// view is a block with the columns that a question has needed so far.
type view struct {
	*block
	rowCol  *rowColumn
	timeCol []time.Time
	pathCol *pathColumn
	fields  map[string]*column // nil values: the block does not have them
}

// field returns a field's column; nil when the block does not have it.
func (v *view) field(name string) (*column, error) {
	if c, ok := v.fields[name]; ok {
		return c, nil
	}
	c, err := v.loadColumn(name)
	if err != nil {
		return nil, err
	}
	if v.fields == nil {
		v.fields = map[string]*column{}
	}
	v.fields[name] = c
	return c, nil
}

func (v *view) rowColumn() (_ *rowColumn, err error) {
	if v.rowCol == nil {
		v.rowCol, err = v.loadRows()
	}
	return v.rowCol, err
}

func (v *view) times() (_ []time.Time, err error) {
	if v.timeCol == nil {
		v.timeCol, err = v.loadTimes()
	}
	return v.timeCol, err
}

func (v *view) paths() (_ *pathColumn, err error) {
	if v.pathCol == nil {
		v.pathCol, err = v.loadPaths()
	}
	return v.pathCol, err
}

// holds returns the rows for which the expression holds.
func (v *view) holds(w *Where) (expr.Set, error) {
	aboutChanges := false
	set, err := w.Expr.Rows(v.block.rows, func(c expr.Cond) (expr.Set, error) {
		switch c.Field {
		case "path", "kind", "expired":
			aboutChanges = true
		}
		return v.match(c, &w.Facts)
	})
	if err != nil || !aboutChanges || v.elided == 0 {
		return set, err
	}
	return set, v.judgeElided(w, set)
}

// judgeElided decides about the rows that do not list their changes, one by one.
func (v *view) judgeElided(w *Where, set expr.Set) error {
	rows, err := v.rowColumn()
	if err != nil {
		return err
	}
	known := map[string]expr.Set{} // of comparisons that are not about changes
	rows.elided.Backwards(func(i int) bool {
		var changes []objects.Change
		if changes, err = w.Facts.elided(rows.entry[i]); err != nil {
			return false
		}
		one := changesEnv{facts: &w.Facts, changes: changes}
		var ok expr.Set
		ok, err = w.Expr.Rows(1, func(c expr.Cond) (expr.Set, error) {
			if value, ok, err := one.lookup(c.Field); ok || err != nil {
				return expr.Set{bit(c.Match(value))}, err
			}
			key := fmt.Sprint(c.Field, "\x00", c.Op, "\x00", c.Value)
			all, ok := known[key]
			if !ok {
				var err error
				if all, err = v.match(c, &w.Facts); err != nil {
					return nil, err
				}
				known[key] = all
			}
			return expr.Set{bit(all.Has(i))}, nil
		})
		if err != nil {
			return false
		}
		set.Remove(i)
		if ok[0] != 0 {
			set.Add(i)
		}
		return true
	})
	return err
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// changesEnv gives the fields that are about a version's changes.
type changesEnv struct {
	facts   *Facts
	changes []objects.Change
}

func (e changesEnv) lookup(field string) (value any, known bool, err error) {
	var list []string
	switch field {
	case "path":
		for _, c := range e.changes {
			list = append(list, c.Path)
		}
	case "kind":
		for _, c := range e.changes {
			if c.Status != objects.Removed && c.Kind != "" {
				list = append(list, c.Kind)
			}
		}
	case "expired":
		for _, c := range e.changes {
			if e.facts.Expired == nil || c.Status == objects.Removed {
				continue
			}
			if ok, err := e.facts.Expired(c.Blob); ok || err != nil {
				return ok, true, err
			}
		}
		return false, true, nil
	default:
		return nil, false, nil
	}
	return list, true, nil
}

// match returns the rows that satisfy one comparison. Of rows that do not list their
// changes it does not know paths, kinds and what has expired.
func (v *view) match(c expr.Cond, facts *Facts) (expr.Set, error) {
	n := v.block.rows
	switch c.Field {
	case "version":
		rows, err := v.rowColumn()
		if err != nil {
			return nil, err
		}
		return filter(n, func(i int) bool { return c.Match(int64(rows.seq[i])) }), nil
	case "time", "age":
		times, err := v.times()
		if err != nil {
			return nil, err
		}
		if c.Field == "age" {
			return filter(n, func(i int) bool { return c.Match(facts.Now.Sub(times[i])) }), nil
		}
		return filter(n, func(i int) bool { return c.Match(times[i]) }), nil
	case "tag":
		return v.named(c, facts.Tags)
	case "alias":
		return v.named(c, facts.Aliases)
	case "path":
		return v.matchPath(c)
	case "kind":
		return v.matchKind(c)
	case "expired":
		return v.matchExpired(c, facts)
	}
	col, err := v.field(fieldColumn(c.Field))
	if err != nil || col == nil {
		return expr.NewSet(n), err
	}
	return col.match(c, n), nil
}

func filter(rows int, ok func(int) bool) expr.Set {
	set := expr.NewSet(rows)
	for i := range rows {
		if ok(i) {
			set.Add(i)
		}
	}
	return set
}

// named matches the names that point at versions.
func (v *view) named(c expr.Cond, names map[uint64][]string) (expr.Set, error) {
	set := expr.NewSet(v.block.rows)
	for entry, list := range names {
		if entry < v.first || entry > v.last || !c.Match(list) {
			continue
		}
		rows, err := v.rowColumn()
		if err != nil {
			return nil, err
		}
		if i := sort.Search(len(rows.entry), func(i int) bool { return rows.entry[i] >= entry }); i < len(rows.entry) && rows.entry[i] == entry {
			set.Add(i)
		}
	}
	return set, nil
}

func (v *view) matchPath(c expr.Cond) (expr.Set, error) {
	p, err := v.paths()
	if err != nil {
		return nil, err
	}
	ok := make([]bool, len(p.names))
	for i, name := range p.names {
		ok[i] = c.Match(name)
	}
	return p.any(v.block.rows, func(change, _ int) bool { return ok[p.path[change]] }), nil
}

func (v *view) matchKind(c expr.Cond) (expr.Set, error) {
	p, err := v.paths()
	if err != nil {
		return nil, err
	}
	names, of, err := v.loadKinds(p)
	if err != nil || names == nil {
		return expr.NewSet(v.block.rows), err
	}
	ok := make([]bool, len(names))
	for i, name := range names {
		ok[i] = name != "" && c.Match(name)
	}
	return p.any(v.block.rows, func(_, put int) bool { return put >= 0 && ok[of[put]] }), nil
}

func (v *view) matchExpired(c expr.Cond, facts *Facts) (expr.Set, error) {
	n := v.block.rows
	expired := expr.NewSet(n)
	if facts.Expired != nil {
		p, err := v.paths()
		if err != nil {
			return nil, err
		}
		blobs, err := v.loadBlobs(p)
		if err != nil {
			return nil, err
		}
		expired = p.any(n, func(_, put int) bool {
			if put < 0 || err != nil {
				return false
			}
			var ok bool
			ok, err = facts.Expired(objects.BlobID(blobs[put*objects.IDSize:]))
			return ok
		})
		if err != nil {
			return nil, err
		}
	}
	yes, no := c.Match(true), c.Match(false)
	return filter(n, func(i int) bool { return yes && expired.Has(i) || no && !expired.Has(i) }), nil
}

// any returns the rows of which a change is ok. put numbers the changes that put
// something; it is -1 for the others.
func (c *pathColumn) any(rows int, ok func(change, put int) bool) expr.Set {
	set := expr.NewSet(rows)
	put := 0
	for r := range rows {
		for i := c.start[r]; i < c.start[r+1]; i++ {
			at := -1
			if c.status[i] != objects.Removed {
				at = put
				put++
			}
			if !set.Has(r) && ok(int(i), at) {
				set.Add(r)
			}
		}
	}
	return set
}
