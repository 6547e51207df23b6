package corpus

import "strconv"

// oracle is a factor oracle over symbols: after n of them it has n+1 states
// and accepts every factor of the sequence. Built online, one symbol at a
// time (Allauzen, Crochemore and Raffinot, "Factor oracle: a new structure for
// pattern matching", 1999).
type oracle struct {
	link []int
	next [][]edge // by state, in the order they were added
}

type edge struct{ symbol, to int }

func newOracle() *oracle { return &oracle{link: []int{-1}, next: [][]edge{nil}} }

func (o *oracle) step(state, symbol int) (to int, ok bool) {
	for _, e := range o.next[state] {
		if e.symbol == symbol {
			return e.to, true
		}
	}
	return 0, false
}

func (o *oracle) add(symbol int) {
	m := len(o.link)
	o.link, o.next = append(o.link, 0), append(o.next, nil)
	o.next[m-1] = append(o.next[m-1], edge{symbol, m})
	for k := o.link[m-1]; k >= 0; k = o.link[k] {
		if to, ok := o.step(k, symbol); ok {
			o.link[m] = to
			return
		}
		o.next[k] = append(o.next[k], edge{symbol, m})
	}
}

// json writes the members states, transitions and suffix_links.
func (o *oracle) json(j *writer) {
	j.key("states").obj()
	for s, l := range o.link {
		j.keyInt(s).obj()
		j.key("len").int(s)
		j.key("link").int(l)
		j.key("next").obj()
		for _, e := range o.next[s] {
			j.keyInt(e.symbol).int(e.to)
		}
		j.endObj()
		j.endObj()
	}
	j.endObj()
	j.key("transitions").obj()
	for s := range o.link {
		for _, e := range o.next[s] {
			j.key("(" + strconv.Itoa(s) + ", " + strconv.Itoa(e.symbol) + ")").int(e.to)
		}
	}
	j.endObj()
	j.key("suffix_links").obj()
	for s, l := range o.link {
		if s > 0 {
			j.keyInt(s).int(l)
		}
	}
	j.endObj()
}
