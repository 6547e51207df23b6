package objects

import (
	"errors"
	"fmt"
	"time"

	"github.com/mstore/mstore/internal/wire"
)

// versionFormat is the number that every encoded version begins with.
const versionFormat = 1

// ErrCorrupt: stored bytes are not what their hash or their format says.
var ErrCorrupt = errors.New("corrupt")

// Encode returns the canonical encoding of v and the ID that follows from it.
// Values of Params and Metrics other than string, int64, float64 and bool, and
// numbers that are not finite, panic.
func (v *Version) Encode() ([]byte, VersionID) {
	var e wire.Encoder
	e.Byte(versionFormat)
	e.Raw(v.Tree[:])
	e.Uint(uint64(len(v.Parents)))
	for _, p := range v.Parents {
		e.Raw(p[:])
	}
	e.Uint(v.Seq)
	e.Uint(v.Generation)
	e.Int(v.Time.Unix())
	e.Uint(uint64(v.Time.Nanosecond()))
	e.String(v.Author)
	e.String(v.Message)
	e.String(v.Source)
	e.Values(v.Params)
	e.Values(v.Metrics)
	e.Values(v.Meta)
	v.Quality.encode(&e)
	e.Uint(uint64(v.Added))
	e.Uint(uint64(v.Changed))
	e.Uint(uint64(v.Removed))
	e.Uint(uint64(v.Models))
	e.Uint(uint64(v.Bytes))
	e.Uint(uint64(len(v.Changes)))
	for i := range v.Changes {
		c := &v.Changes[i]
		e.Byte(byte(c.Status))
		e.String(c.Path)
		e.Raw(c.Blob[:])
		e.Uint(uint64(c.Size))
		if c.Status == Changed {
			e.Uint(uint64(c.PrevSize))
		}
		if c.Status != Removed {
			e.String(c.Kind)
		}
	}
	return e.B, derive(versionContext, e.B)
}

// DecodeVersion reads what Encode wrote and nothing else, and returns the ID.
// Errors wrap ErrCorrupt.
func DecodeVersion(b []byte) (*Version, VersionID, error) {
	d := wire.NewDecoder(b)
	if f := d.Byte(); f != versionFormat {
		d.Fail("version format %d", f)
	}
	v := new(Version)
	d.Fixed(v.Tree[:])
	if n := d.Count(IDSize); n > 0 {
		v.Parents = make([]VersionID, n)
		for i := range v.Parents {
			d.Fixed(v.Parents[i][:])
		}
	}
	v.Seq = d.Uint()
	v.Generation = d.Uint()
	sec, nsec := d.Int(), d.Uint()
	if nsec >= 1e9 {
		d.Fail("%d nanoseconds", nsec)
	}
	v.Time = time.Unix(sec, int64(nsec)).UTC()
	v.Author = d.String()
	v.Message = d.String()
	v.Source = d.String()
	v.Params = d.Values()
	v.Metrics = d.Values()
	v.Meta = d.Values()
	v.Quality.decode(d)
	v.Added, v.Changed, v.Removed = decodeInt(d), decodeInt(d), decodeInt(d)
	v.Models = decodeInt(d)
	v.Bytes = int64(decodeInt(d))
	n := d.Count(IDSize + 3) // the least that a change takes
	if n > 0 {
		v.Changes = make([]Change, n)
	}
	for i := range v.Changes {
		c := &v.Changes[i]
		c.Status = Status(d.Byte())
		if c.Status < Added || c.Status > Removed {
			d.Fail("status %d", c.Status)
		}
		c.Path = d.String()
		if i > 0 && c.Path <= v.Changes[i-1].Path {
			d.Fail("changes out of order")
		}
		d.Fixed(c.Blob[:])
		c.Size = int64(decodeInt(d))
		switch c.Status {
		case Changed:
			c.PrevSize = int64(decodeInt(d))
		case Removed:
			c.PrevSize = c.Size
		}
		if c.Status != Removed {
			c.Kind = d.String()
		}
		if d.Err() != nil {
			break
		}
	}
	if err := d.End(); err != nil {
		return nil, VersionID{}, fmt.Errorf("version record: %w: %w", ErrCorrupt, err)
	}
	return v, derive(versionContext, b), nil
}

func (q *Quality) encode(e *wire.Encoder) {
	e.Uint(uint64(q.Errors))
	e.Uint(uint64(q.Warnings))
	e.Uint(uint64(len(q.Notes)))
	for i := range q.Notes {
		n := &q.Notes[i]
		e.String(n.Path)
		severity := byte(0)
		if n.Error {
			severity = 1
		}
		e.Byte(severity)
		e.String(n.Rule)
		e.String(n.Place)
		e.String(n.Text)
	}
}

func (q *Quality) decode(d *wire.Decoder) {
	q.Errors, q.Warnings = decodeInt(d), decodeInt(d)
	n := d.Count(5) // the least that a note takes
	if n > MaxNotes {
		d.Fail("%d notes", n)
		return
	}
	if n > 0 {
		q.Notes = make([]Note, n)
	}
	for i := range q.Notes {
		x := &q.Notes[i]
		x.Path = d.String()
		severity := d.Byte()
		if severity > 1 {
			d.Fail("severity %d", severity)
		}
		x.Error = severity == 1
		x.Rule, x.Place, x.Text = d.String(), d.String(), d.String()
	}
}

func decodeInt(d *wire.Decoder) int {
	n := d.Uint()
	if n > 1<<62 {
		d.Fail("number %d is too large", n)
		return 0
	}
	return int(n)
}
