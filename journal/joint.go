package journal

import (
	"slices"

	"github.com/mstore/mstore/internal/wire"
)

// place is where a version stands. On one line, places ascend in Seq and in Entry
// alike.
type place struct{ Entry, Seq, Line uint64 }

func (t Target) place() place { return place{t.Entry, t.Seq, t.Line} }

// joint is a version that has a parent other than the one before it on its line: it
// begins a line somewhere, or merges. The joints of a history and the numbers on
// lines are all that there is to know of who descends from whom.
type joint struct {
	place
	Parents []place // without the one before it on its line
}

// jointOf returns the joint that a commit makes; false when it only continues a
// line, or is the first of all.
func jointOf(op *Op) (joint, bool) {
	j := joint{place: op.Target.place()}
	for _, p := range op.Parents() {
		if p.Line != op.Target.Line || p.Seq != op.Target.Seq-1 {
			j.Parents = append(j.Parents, p.place())
		}
	}
	return j, len(j.Parents) > 0
}

func (j joint) equal(k joint) bool { return j.place == k.place && slices.Equal(j.Parents, k.Parents) }

// encode writes a joint of a block that begins at entry first.
func (j *joint) encode(w *wire.Encoder, first uint64) {
	w.Uint(j.Entry - first)
	w.Uint(j.Seq)
	w.Uint(j.Line)
	w.Uint(uint64(len(j.Parents)))
	for _, p := range j.Parents {
		w.Uint(p.Entry)
		w.Uint(p.Seq)
		w.Uint(p.Line)
	}
}

// decodeJoints demands that entries ascend, and that parents stand before.
func decodeJoints(d *wire.Decoder, first uint64) []joint {
	n := d.Count(7)
	if n == 0 {
		return nil
	}
	joints := make([]joint, n)
	for i := range joints {
		j := &joints[i]
		off := d.Uint()
		if off >= maxBlockEntries || i > 0 && first+off <= joints[i-1].Entry {
			d.Fail("joint at %d", off)
		}
		j.place = place{first + off, d.Uint(), d.Uint()}
		count := d.Count(3)
		if count == 0 || count > MaxParents {
			d.Fail("%d parents of a joint", count)
		}
		if d.Err() != nil {
			return nil
		}
		j.Parents = make([]place, count)
		for k := range j.Parents {
			p := place{d.Uint(), d.Uint(), d.Uint()}
			if p.Entry >= j.Entry {
				d.Fail("parent of entry %d at entry %d", j.Entry, p.Entry)
			}
			j.Parents[k] = p
		}
	}
	return joints
}
