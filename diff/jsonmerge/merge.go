package jsonmerge

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/mstore/mstore/diff/internal/jsondoc"
)

// Merge writes the document that has the changes of both ours and theirs since base. What
// is unchanged, and what only ours changed, is written in the bytes of ours; what comes
// from theirs in those of theirs. Where theirs or ours is base byte for byte, the other
// is written byte for byte.
//
// Conflicts that no preference resolves are all counted, and listed up to the limit: the
// Result is returned together with ErrConflict then, and nothing is written. A document
// that is not well formed is told as a *SyntaxError. The text of documents
// up to Options.Memory is held in memory, of larger ones an index of at most some 50 MB;
// and 24 bytes for each place where the source of the output changes.
func Merge(ctx context.Context, w io.Writer, base, ours, theirs Source, o Options) (*Result, error) {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.Preview == 0 {
		o.Preview = DefaultPreview
	}
	m := &merger{o: o, res: &Result{Conflicts: []Conflict{}}}
	if err := m.open(ctx, base, ours, theirs); err != nil {
		return nil, err
	}
	if err := m.whole(); err != nil {
		return nil, fmt.Errorf("merging: %w", err)
	}
	if m.res.Total > 0 && o.Prefer == None {
		return m.res, ErrConflict
	}
	out := bufio.NewWriterSize(w, 64<<10)
	if err := m.out.write(out, m.docs); err != nil {
		return nil, fmt.Errorf("writing the merged document: %w", err)
	}
	if err := out.Flush(); err != nil {
		return nil, fmt.Errorf("writing the merged document: %w", err)
	}
	return m.res, nil
}

type (
	value   = jsondoc.Value
	segment = jsondoc.Segment
)

// The three documents.
const (
	base = iota
	ours
	theirs
)

var sideNames = [3]string{"base", "ours", "theirs"}

// other is the side that a side is merged with.
func other(side int) int { return ours + theirs - side }

// maxHeld is how many elements of arrays are held at once, on all levels and sides.
const maxHeld = 6 * jsondoc.MaxElements

type merger struct {
	o       Options
	docs    [3]*jsondoc.Doc
	out     pieces
	res     *Result
	path    jsondoc.Path
	aligner jsondoc.Aligner
	held    int64
}

// open reads the documents, at the same time.
func (m *merger) open(ctx context.Context, sources ...Source) error {
	var errs [3]error
	var wait sync.WaitGroup
	for i, src := range sources {
		wait.Go(func() { m.docs[i], errs[i] = jsondoc.Open(ctx, src, sideNames[i], m.o.Memory) })
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// whole merges the documents, with what white space they begin and end with.
func (m *merger) whole() error {
	all := func(i int) value { return value{Start: 0, End: m.docs[i].Size()} }
	for _, side := range []int{ours, theirs} {
		same, err := m.sameText(base, side, all(base), all(side))
		if err != nil {
			return err
		}
		if same {
			m.out.add(other(side), 0, m.docs[other(side)].Size())
			if m.docs[other(side)].Root.Hash != m.docs[base].Root.Hash {
				m.took(other(side))
			}
			return nil
		}
	}
	root := m.docs[ours].Root
	m.out.add(ours, 0, root.Start)
	if err := m.merge(triple{m.docs[base].Root, root, m.docs[theirs].Root}); err != nil {
		return err
	}
	m.out.add(ours, root.End, m.docs[ours].Size())
	return nil
}

// sameText tells whether values of two documents are the same bytes.
func (m *merger) sameText(i, j int, v, w value) (bool, error) {
	if v.Size() != w.Size() {
		return false, nil
	}
	for at := int64(0); at < v.Size(); {
		n := min(v.Size()-at, 64<<10)
		x, err := m.docs[i].Bytes(v.Start+at, v.Start+at+n)
		if err != nil {
			return false, err
		}
		y, err := m.docs[j].Bytes(w.Start+at, w.Start+at+n)
		if err != nil {
			return false, err
		}
		if !bytes.Equal(x, y) {
			return false, nil
		}
		at += n
	}
	return true, nil
}

// took counts a value that was taken from the side that alone changed it.
func (m *merger) took(side int) {
	if side == ours {
		m.res.FromOurs++
	} else {
		m.res.FromTheirs++
	}
}

// triple is a value in base, ours and theirs; a side that lacks it has the zero Value.
type triple [3]value

// changed tells whether a side has another value than base.
func (t *triple) changed(side int) bool { return t[side].Hash != t[base].Hash }

func (t *triple) all(k jsondoc.Kind) bool {
	return t[base].Kind == k && t[ours].Kind == k && t[theirs].Kind == k
}

// merge writes what becomes of a value that all three have.
func (m *merger) merge(t triple) error {
	switch {
	case t[ours].Hash == t[theirs].Hash:
		if t.changed(ours) {
			m.res.Both++
		}
		m.take(ours, t[ours])
		return nil
	case !t.changed(theirs):
		m.took(ours)
		m.take(ours, t[ours])
		return nil
	case !t.changed(ours):
		// What theirs left alone stays as ours has it, where ours only writes it otherwise.
		same, err := m.sameText(base, ours, t[base], t[ours])
		if err != nil {
			return err
		}
		if same || !t.all(jsondoc.Object) && !t.all(jsondoc.Array) {
			m.took(theirs)
			m.take(theirs, t[theirs])
			return nil
		}
	}
	switch {
	case t.all(jsondoc.Object):
		return m.objects(t)
	case t.all(jsondoc.Array):
		return m.arrays(t)
	}
	side, err := m.conflict(Changed, t)
	if err != nil {
		return err
	}
	m.take(side, t[side])
	return nil
}

// take writes a value of one side as it stands.
func (m *merger) take(side int, v value) { m.out.add(side, v.Start, v.End) }

// at merges a value at one more step of the path.
func (m *merger) at(s segment, t triple) error {
	m.path = append(m.path, s)
	err := m.merge(t)
	m.path = m.path[:len(m.path)-1]
	return err
}

// conflict notes one of the values at hand, and returns the side that is taken. With no
// preference that is ours; nothing will be written.
func (m *merger) conflict(why Reason, t triple) (side int, err error) {
	side = ours
	c := Conflict{Reason: why}
	switch m.o.Prefer {
	case Ours:
		c.Taken = "ours"
	case Theirs:
		c.Taken = "theirs"
		side = theirs
	}
	m.res.Total++
	if len(m.res.Conflicts) >= m.o.Limit {
		return side, nil
	}
	if c.Path, err = m.path.Format(true); err != nil {
		return side, err
	}
	for i, p := range []**Value{&c.Base, &c.Ours, &c.Theirs} {
		if *p, err = m.docs[i].Show(t[i], m.o.Preview); err != nil {
			return side, err
		}
	}
	m.res.Conflicts = append(m.res.Conflicts, c)
	return side, nil
}
