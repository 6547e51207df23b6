package index

import (
	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/objects"
)

// pathSearch finds what of rows' changes is asked for.
type pathSearch struct {
	*Where
	view *view

	paths *pathColumn
	want  []bool // of each name
	blobs []byte
	at    []uint32 // of each row: where its blobs begin; nil without blob
}

func (p *pathSearch) load() (err error) {
	if p.paths != nil {
		return nil
	}
	if p.paths, err = p.view.paths(); err != nil {
		return err
	}
	p.want = make([]bool, len(p.paths.names))
	for i, name := range p.paths.names {
		p.want[i] = p.inPaths(name)
	}
	if p.Blob == nil {
		return nil
	}
	if p.blobs, err = p.view.loadBlobs(p.paths); err != nil {
		return err
	}
	p.at = make([]uint32, p.view.block.rows+1)
	n := uint32(0)
	for r := range p.view.block.rows {
		for _, st := range p.paths.status[p.paths.start[r]:p.paths.start[r+1]] {
			if st != objects.Removed {
				n++
			}
		}
		p.at[r+1] = n
	}
	return nil
}

// narrow takes the rows out of set that changed nothing that is asked for. Those that do
// not list their changes stay.
func (p *pathSearch) narrow(set expr.Set) (expr.Set, error) {
	if err := p.load(); err != nil {
		return nil, err
	}
	some := p.paths.any(p.view.block.rows, func(change, put int) bool {
		return p.want[p.paths.path[change]] &&
			(p.at == nil || put >= 0 && p.Blob.fits(objects.BlobID(p.blobs[put*objects.IDSize:])))
	})
	if p.view.elided > 0 {
		rows, err := p.view.rowColumn()
		if err != nil {
			return nil, err
		}
		some.Or(rows.elided)
	}
	set.And(some)
	return set, nil
}

// hits appends the row's hits to list.
func (p *pathSearch) hits(list []Hit, row int, h Hit) ([]Hit, error) {
	rows, err := p.view.rowColumn()
	if err != nil {
		return nil, err
	}
	if rows.elided.Has(row) {
		changes, err := p.Facts.elided(h.Entry)
		return p.changeHits(list, h, changes), err
	}
	if err := p.load(); err != nil {
		return nil, err
	}
	n := -1
	if p.at != nil {
		n = int(p.at[row])
	}
	found := false
	for i := p.paths.start[row]; i < p.paths.start[row+1]; i++ {
		put := p.paths.status[i] != objects.Removed
		if p.want[p.paths.path[i]] {
			h.Path = p.paths.names[p.paths.path[i]]
			if n < 0 {
				return append(list, h), nil
			}
			if put && p.Blob.fits(objects.BlobID(p.blobs[n*objects.IDSize:])) {
				list, found = append(list, h), true
			}
		}
		if put && n >= 0 {
			n++
		}
	}
	if !found && !p.byChange() { // a version that changed nothing
		list = append(list, h)
	}
	return list, nil
}
