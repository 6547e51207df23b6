package jsondiff

import (
	"context"
	"slices"

	"github.com/mstore/mstore/diff/internal/jsondoc"
)

type (
	value   = jsondoc.Value
	segment = jsondoc.Segment
)

// visitor is told what differs. The path of the walker is that of the values at hand; of
// an element that is in one document only, the other index is where it would be: in b,
// behind all that the visitor has been told of.
type visitor interface {
	changed(a, b value) error // a scalar, or of another kind
	respelled(a, b value) error
	added(b value) error
	removed(a value) error
	// moved tells that an element was moved in the array at hand. from and to are its
	// indices when all moves and removals in the array before are done, and no additions.
	moved(a, b value, from, to int64) error
	// enter and leave are called around arrays that differ.
	enter(a, b value) error
	leave(a, b value) error
}

// maxHeld is how many elements of arrays are held at once, on all levels and both sides.
const maxHeld = 4 * jsondoc.MaxElements

// walker goes through two documents side by side.
type walker struct {
	a, b    *jsondoc.Doc
	to      visitor
	aligner jsondoc.Aligner
	path    jsondoc.Path
	held    int64
}

// open reads both documents, at the same time.
func (w *walker) open(ctx context.Context, a, b Source, memory int64) (err error) {
	done := make(chan error, 1)
	go func() {
		var err error
		w.b, err = jsondoc.Open(ctx, b, "b", memory)
		done <- err
	}()
	w.a, err = jsondoc.Open(ctx, a, "a", memory)
	if err2 := <-done; err == nil {
		err = err2
	}
	return err
}

func (w *walker) push(s segment) { w.path = append(w.path, s) }
func (w *walker) pop()           { w.path = w.path[:len(w.path)-1] }

// pair compares two values.
func (w *walker) pair(a, b value) error {
	if a.Hash == b.Hash {
		if a.Spelling == b.Spelling {
			return nil
		}
		if !a.IsContainer() {
			return w.to.respelled(a, b)
		}
	}
	switch {
	case a.Kind != b.Kind || !a.IsContainer():
		return w.to.changed(a, b)
	case a.Kind == jsondoc.Object:
		return w.objects(a, b)
	}
	if err := w.to.enter(a, b); err != nil {
		return err
	}
	if err := w.arrays(a, b); err != nil {
		return err
	}
	return w.to.leave(a, b)
}

// at compares two values at one more step of the path.
func (w *walker) at(s segment, a, b value) error {
	if a.Hash == b.Hash && a.Spelling == b.Spelling {
		return nil
	}
	w.push(s)
	err := w.pair(a, b)
	w.pop()
	return err
}

func (w *walker) add(s segment, b value) error {
	w.push(s)
	err := w.to.added(b)
	w.pop()
	return err
}

func (w *walker) remove(s segment, a value) error {
	w.push(s)
	err := w.to.removed(a)
	w.pop()
	return err
}

// objects goes through both at the same pace; members that are not at the same place wait
// for their partner, each as a hash and an offset.
func (w *walker) objects(a, b value) error {
	inA, inB := w.a.Children(a), w.b.Children(b)
	waitA, waitB := map[uint64]int64{}, map[uint64]int64{}
	moreA, moreB := true, true
	for {
		var err error
		if moreA {
			if moreA, err = inA.Next(); err != nil {
				return err
			}
		}
		if moreB {
			if moreB, err = inB.Next(); err != nil {
				return err
			}
		}
		if !moreA && !moreB {
			break
		}
		if moreA && moreB && inA.Name.Hash == inB.Name.Hash {
			if err := w.at(member(w.b, inB.Name), inA.Value, inB.Value); err != nil {
				return err
			}
			continue
		}
		if moreA {
			h := inA.Name.Hash
			if at, ok := waitB[h]; ok {
				delete(waitB, h)
				n, v, err := w.b.Member(at)
				if err != nil {
					return err
				}
				if err := w.at(member(w.b, n), inA.Value, v); err != nil {
					return err
				}
			} else {
				waitA[h] = inA.Name.Start
			}
		}
		if moreB {
			h := inB.Name.Hash
			if at, ok := waitA[h]; ok {
				delete(waitA, h)
				_, v, err := w.a.Member(at)
				if err != nil {
					return err
				}
				if err := w.at(member(w.b, inB.Name), v, inB.Value); err != nil {
					return err
				}
			} else {
				waitB[h] = inB.Name.Start
			}
		}
	}
	if err := rest(w.a, waitA, w.remove); err != nil {
		return err
	}
	return rest(w.b, waitB, w.add)
}

// rest tells of the members that found no partner, in the order of the document.
func rest(d *jsondoc.Doc, wait map[uint64]int64, tell func(segment, value) error) error {
	starts := make([]int64, 0, len(wait))
	for _, at := range wait {
		starts = append(starts, at)
	}
	slices.Sort(starts)
	for _, at := range starts {
		n, v, err := d.Member(at)
		if err != nil {
			return err
		}
		if err := tell(member(d, n), v); err != nil {
			return err
		}
	}
	return nil
}

func member(d *jsondoc.Doc, n jsondoc.Name) segment {
	return segment{Doc: d, Name: n, Member: true}
}
