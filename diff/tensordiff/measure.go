package tensordiff

import (
	"sync"
	"sync/atomic"
)

// unitBlocks is how many blocks one worker compares before it takes other work.
const unitBlocks = 16

// unit is a part of a tensor that one worker compares.
type unit struct {
	lo, hi  int64 // elements, of opaque data bytes
	differs bool
	sums    sums
}

// measure compares the bytes of all pairs that have some, and settles their
// status. It goes over them twice: what is equal in a tensor that is not adds to
// the moments only, which are not needed of a tensor that is equal.
func (c *comparison) measure() error {
	type job struct {
		p *pair
		u *unit
	}
	var jobs []job
	for _, p := range c.pairs {
		if p.a == nil {
			continue
		}
		if c.known(p) {
			continue
		}
		p.split()
		for i := range p.units {
			jobs = append(jobs, job{p, &p.units[i]})
		}
	}
	err := c.each(len(jobs), func(w *worker, i int) error { return w.compare(jobs[i].p, jobs[i].u) })
	if err != nil {
		return err
	}
	rest := jobs[:0]
	for _, p := range c.pairs {
		if p.a == nil || p.mode.opaque || !p.differs() {
			continue
		}
		for i := range p.units {
			if !p.units[i].differs {
				rest = append(rest, job{p, &p.units[i]})
			}
		}
	}
	err = c.each(len(rest), func(w *worker, i int) error {
		return w.describe(rest[i].p, rest[i].u, rest[i].u.lo, rest[i].u.hi)
	})
	if err != nil {
		return err
	}
	for _, p := range c.pairs {
		if p.a != nil {
			c.settle(p)
		}
	}
	return nil
}

// known tells whether the bytes of a pair are equal without any being read.
func (c *comparison) known(p *pair) bool {
	x, y := p.a.entry, p.b.entry
	switch {
	case !p.mode.alike || x.Bytes != y.Bytes || p.mode.bigA != p.mode.bigB:
		return false
	case x.Bytes == 0:
		return true
	case p.a.id != "" && p.a.id == p.b.id && p.a.base == p.b.base:
		return true
	}
	return c.same(p, 0, x.Bytes)
}

// same tells whether a range of bytes is known to be equal.
func (c *comparison) same(p *pair, off, n int64) bool {
	return c.o.Same != nil && p.a.own && p.b.own && c.o.Same(p.a.base+off, p.b.base+off, n)
}

// split makes the units, one only if the data can be read but forwards.
func (p *pair) split() {
	n, block := p.mode.span()
	size := block * unitBlocks
	if p.a.serial() || p.b.serial() {
		size = max(n, 1)
	}
	for lo := int64(0); lo < n; lo += size {
		p.units = append(p.units, unit{lo: lo, hi: min(lo+size, n)})
	}
}

func (p *pair) differs() bool {
	for i := range p.units {
		if p.units[i].differs {
			return true
		}
	}
	return false
}

// settle tells the status of a pair from its sums.
func (c *comparison) settle(p *pair) {
	differs := p.differs()
	for i := range p.units {
		p.sums.plus(&p.units[i].sums)
	}
	p.units = nil
	if !differs || c.o.Tolerance > 0 && !p.mode.opaque && p.sums.changed == 0 {
		if p.status == "" {
			p.status = Equal
			return
		}
	} else if p.status == "" {
		p.status = Changed
	}
	e := p.a.entry
	if p.mode.opaque {
		d := &Delta{Opaque: true, Bytes: p.mode.bytes, BytesChanged: p.sums.bytes}
		d.Share = Number(float64(d.BytesChanged) / float64(max(d.Bytes, 1)))
		p.delta = d
		return
	}
	p.delta = &Delta{Share: Number(float64(p.sums.changed) / float64(max(e.Elements, 1))), Values: p.sums.values(e.Shape, e.Fortran)}
}

// each calls do for 0 to n-1, by the workers, until there is an error.
func (c *comparison) each(n int, do func(w *worker, i int) error) error {
	if n == 0 {
		return c.ctx.Err()
	}
	var next atomic.Int64
	var first error
	var once sync.Once
	var group sync.WaitGroup
	for range min(c.o.Workers, n) {
		group.Go(func() {
			w := newWorker(c)
			for {
				i := int(next.Add(1) - 1)
				if i >= n {
					return
				}
				err := c.ctx.Err()
				if err == nil {
					err = do(w, i)
				}
				if err != nil {
					once.Do(func() { first = err })
					next.Store(int64(n))
					return
				}
			}
		})
	}
	group.Wait()
	return first
}
