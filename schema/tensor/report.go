package tensor

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	defaultLimit = 100
	maxName      = 200 // of a name in a report, in bytes
	maxMetadata  = 100 // entries in a report
)

// checker is the state of one check.
type checker struct {
	file
	o   Options
	rep Report

	list  *Listing // what is listed; nil in a check
	toEnd bool     // the structure could be followed to its end
}

func newChecker(ctx context.Context, r io.ReaderAt, size int64, o Options) *checker {
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	return &checker{
		file: file{ctx: ctx, r: r, size: max(size, 0)},
		o:    o,
		rep:  Report{DTypes: map[string]int{}, Metadata: map[string]string{}},
	}
}

// problem reports one. The text is not made if there is no room for it.
func (c *checker) problem(tensor string, off int64, field, format string, args ...any) {
	if len(c.rep.Problems) >= c.o.Limit {
		c.rep.MoreProblems++
		return
	}
	c.rep.Problems = append(c.rep.Problems, Problem{Tensor: clip(tensor), Off: off, Field: field, Text: fmt.Sprintf(format, args...)})
}

// cut reports that the file ends before what is at off to end.
func (c *checker) cut(tensor, what string, off, end int64) {
	c.problem(tensor, off, "size", "%s needs bytes %d to %d, the file has %d", what, off, end, c.size)
}

// count adds a valid tensor to the sums.
func (c *checker) count(e *elem, elements, bytes uint64) {
	c.rep.DTypes[e.name]++
	c.rep.Parameters = plus(c.rep.Parameters, elements)
	c.rep.Bytes = plus(c.rep.Bytes, bytes)
}

// meta adds an entry to the report, if it is a short one.
func (c *checker) meta(key, value string) {
	if c.list != nil {
		c.list.meta(key, value)
		return
	}
	if len(key) <= maxName && len(value) <= maxName && len(c.rep.Metadata) < maxMetadata {
		c.rep.Metadata[strings.ToValidUTF8(key, "\uFFFD")] = strings.ToValidUTF8(value, "\uFFFD")
	}
}

// note adds what was seen among a tensor's values.
func (c *checker) note(tensor string, elements int64, v *values) {
	add := func(tensors *int, sort string, count int64) {
		if *tensors++; *tensors <= c.o.Limit {
			c.rep.Notes = append(c.rep.Notes, Note{clip(tensor), sort, count, v.seen})
		}
	}
	if v.nan > 0 {
		c.rep.NaNValues = plus(c.rep.NaNValues, uint64(v.nan))
		add(&c.rep.NaN, SortNaN, v.nan)
	}
	if v.inf > 0 {
		c.rep.InfValues = plus(c.rep.InfValues, uint64(v.inf))
		add(&c.rep.Inf, SortInf, v.inf)
	}
	if elements > 1 && v.seen > 0 && v.any == 0 {
		add(&c.rep.Zero, SortZero, v.seen)
	}
}

// plus adds without overflow.
func plus(a int64, b uint64) int64 {
	if b > uint64(math.MaxInt64-a) {
		return math.MaxInt64
	}
	return a + int64(b)
}

// clip cuts a name to what a report has room for, and copies it, so that a
// report does not keep a header in memory.
func clip(s string) string {
	if len(s) > maxName {
		n := maxName - len("…")
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		return s[:n] + "…"
	}
	return strings.Clone(s)
}

// quote is a name as it stands in a text.
func quote(name string) string { return strconv.Quote(clip(name)) }
