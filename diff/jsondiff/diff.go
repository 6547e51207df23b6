package jsondiff

import (
	"context"
	"math"

	"github.com/mstore/mstore/diff/internal/jsondoc"
)

// Diff compares two documents. It reads each once through and then again where they
// differ; documents up to Options.Memory are held in memory meanwhile, of larger ones an
// index of at most some 50 MB each. A document that is not well formed is told as a *SyntaxError.
func Diff(ctx context.Context, a, b Source, o Options) (*Result, error) {
	w := &walker{}
	if err := w.open(ctx, a, b, o.Memory); err != nil {
		return nil, err
	}
	c := newCollector(w, o)
	w.to = c
	if err := w.pair(w.a.Root, w.b.Root); err != nil {
		return nil, err
	}
	return c.result(), nil
}

// uniformLength is from how many numbers on an array of them is summarised.
const uniformLength = 32

// collector counts the changes and keeps the weightiest.
type collector struct {
	w       *walker
	o       Options
	top     top
	totals  Totals
	summary *Summary
	depth   int // of the array that is summarised: how long its path is
}

func newCollector(w *walker, o Options) *collector {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.Preview == 0 {
		o.Preview = DefaultPreview
	}
	return &collector{w: w, o: o, top: top{limit: max(0, o.Limit)}}
}

func (c *collector) result() *Result {
	list := c.top.sorted()
	t := c.totals
	return &Result{Equal: t.Count() == 0, Changes: list, Omitted: t.Count() - int64(len(list)), Totals: t}
}

func (c *collector) respelled(a, b value) error {
	c.totals.Respelled++
	return nil
}

func (c *collector) changed(a, b value) error {
	if a.Kind == jsondoc.Number && b.Kind == jsondoc.Number {
		return c.number(a, b)
	}
	if s := c.summary; s != nil {
		s.Other++
		c.place(s)
		if a.Kind == jsondoc.Number || b.Kind == jsondoc.Number {
			s.Changed++
			s.Other--
		}
		return nil
	}
	if kindName(a) != kindName(b) {
		c.totals.Retyped++
		return c.keep(Change{Sort: Retyped}, a, b, structural, float64(a.Size())+float64(b.Size()))
	}
	c.totals.Changed++
	return c.keep(Change{Sort: Changed}, a, b, plain, float64(a.Size())+float64(b.Size()))
}

func kindName(v value) string { return v.Kind.String() }

func (c *collector) added(b value) error {
	if s := c.summary; s != nil {
		s.Added += b.Numbers
		s.Other += others(b)
		c.place(s)
		return nil
	}
	c.totals.Added++
	return c.keep(Change{Sort: Added}, value{}, b, structural, float64(b.Size()))
}

func (c *collector) removed(a value) error {
	if s := c.summary; s != nil {
		s.Removed += a.Numbers
		s.Other += others(a)
		c.place(s)
		return nil
	}
	c.totals.Removed++
	return c.keep(Change{Sort: Removed}, a, value{}, structural, float64(a.Size()))
}

// others is how many values in an array, or a scalar, are no numbers; an empty array is one.
func others(v value) int64 {
	if v.Leaves == 0 {
		return 1
	}
	return v.Leaves - v.Numbers
}

func (c *collector) moved(a, b value, _, _ int64) error {
	c.totals.Moved++
	return c.keep(Change{Sort: Moved}, value{}, value{}, movement, 0)
}

// number compares two numbers.
func (c *collector) number(a, b value) error {
	x, err := number(c.w.a, a)
	if err != nil {
		return err
	}
	y, err := number(c.w.b, b)
	if err != nil {
		return err
	}
	delta := math.Abs(y - x)
	scale := math.Max(math.Abs(x), math.Abs(y))
	if delta <= c.o.Tolerance*math.Max(1, scale) && c.o.Tolerance > 0 {
		c.totals.Within++
		return nil
	}
	if c.summary != nil {
		c.element(c.summary, delta, scale)
		return nil
	}
	c.totals.Numbers++
	weight := relative(delta, scale)
	if !c.top.wants(numeric, weight) {
		return nil
	}
	ch := Change{Sort: Number}
	if finite(y - x) {
		d := y - x
		ch.Delta = &d
		if r := d / math.Abs(x); finite(r) {
			ch.Relative = &r
		}
	}
	return c.keep(ch, a, b, numeric, weight)
}

func number(d *jsondoc.Doc, v value) (float64, error) {
	text, err := d.Bytes(v.Start, v.End)
	if err != nil {
		return 0, err
	}
	return jsondoc.Float(text), nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// relative is a change in relation to the larger of both numbers: 0 to 2. Where one of
// them is not finite it is the largest.
func relative(delta, scale float64) float64 {
	switch {
	case scale == 0:
		return 0
	case !finite(scale):
		return 2
	case !finite(delta): // of two numbers near the largest
		return 2
	}
	return delta / scale
}

// keep makes a change complete, if there is room for it.
func (c *collector) keep(ch Change, a, b value, class int, weight float64) (err error) {
	if !c.top.wants(class, weight) {
		c.top.seq++
		return nil
	}
	path := c.w.path
	onlyA := ch.Sort == Removed
	if ch.Path, err = path.Format(onlyA); err != nil {
		return err
	}
	if !onlyA {
		if ch.PointerB, err = pointer(path, false); err != nil {
			return err
		}
	}
	if ch.Sort != Added {
		if ch.PointerA, err = pointer(path, true); err != nil {
			return err
		}
	}
	if ch.A, err = c.w.a.Show(a, c.o.Preview); err != nil {
		return err
	}
	if ch.B, err = c.w.b.Show(b, c.o.Preview); err != nil {
		return err
	}
	c.top.put(ch, class, weight)
	return nil
}

// maxPointer bounds the length of pointers, so that it bounds that of a Result.
const maxPointer = 64 << 10

func pointer(path jsondoc.Path, inA bool) (string, error) {
	p, err := path.Pointer(nil, inA)
	if len(p) > maxPointer {
		return "", err
	}
	return string(p), err
}
