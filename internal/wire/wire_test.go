package wire

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	uints := []uint64{0, 1, 127, 128, 1<<14 - 1, 1 << 14, 1<<63 - 1, math.MaxUint64}
	ints := []int64{0, 1, -1, 63, 64, -64, -65, math.MaxInt64, math.MinInt64}
	var e Encoder
	for _, v := range uints {
		e.Uint(v)
	}
	for _, v := range ints {
		e.Int(v)
	}
	e.Byte(7)
	e.Raw([]byte{1, 2, 3})
	e.Bytes(nil)
	e.Bytes([]byte("bytes"))
	e.String("")
	e.String("é\x00")
	d := NewDecoder(e.B)
	for _, v := range uints {
		if got := d.Uint(); got != v {
			t.Errorf("%d, want %d", got, v)
		}
	}
	for _, v := range ints {
		if got := d.Int(); got != v {
			t.Errorf("%d, want %d", got, v)
		}
	}
	var fixed [3]byte
	if got := d.Byte(); got != 7 {
		t.Errorf("byte %d", got)
	}
	if d.Fixed(fixed[:]); fixed != [3]byte{1, 2, 3} {
		t.Errorf("fixed %v", fixed)
	}
	if got := d.Bytes(); len(got) != 0 {
		t.Errorf("bytes %q", got)
	}
	if got := d.Bytes(); string(got) != "bytes" {
		t.Errorf("bytes %q", got)
	}
	if a, b := d.String(), d.String(); a != "" || b != "é\x00" {
		t.Errorf("strings %q, %q", a, b)
	}
	if err := d.End(); err != nil {
		t.Error(err)
	}
}

// Numbers have one form only: the shortest.
func TestCanonicalVarint(t *testing.T) {
	for _, b := range [][]byte{
		{}, {0x80}, {0x80, 0x00}, {0xff, 0x00}, {0x81, 0x80, 0x00},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 0x01},
	} {
		d := NewDecoder(b)
		if v := d.Uint(); !errors.Is(d.Err(), ErrMalformed) || v != 0 {
			t.Errorf("%x is %d, %v", b, v, d.Err())
		}
	}
}

// The first error sticks, and what is read after it is zero.
func TestErrorSticks(t *testing.T) {
	d := NewDecoder([]byte{5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	d.Fail("a reason %d", 1)
	first := d.Err()
	if d.Uint() != 0 || d.Int() != 0 || d.Byte() != 0 || d.Raw(2) != nil || len(d.Bytes()) != 0 || d.String() != "" || d.Count(1) != 0 || d.Values() != nil {
		t.Error("values after an error")
	}
	d.Fail("another")
	if err := d.End(); err != first || !strings.Contains(err.Error(), "a reason 1") {
		t.Errorf("%v, want %v", err, first)
	}
}

func TestBounds(t *testing.T) {
	for name, read := range map[string]func(d *Decoder){
		"count":    func(d *Decoder) { d.Count(2) },
		"bytes":    func(d *Decoder) { d.Bytes() },
		"string":   func(d *Decoder) { _ = d.String() },
		"raw":      func(d *Decoder) { d.Raw(4) },
		"negative": func(d *Decoder) { d.Raw(-1) },
		"fixed":    func(d *Decoder) { d.Fixed(make([]byte, 4)) },
		"values":   func(d *Decoder) { d.Values() },
	} {
		d := NewDecoder([]byte{200, 1, 0})
		if read(d); !errors.Is(d.Err(), ErrMalformed) {
			t.Errorf("%s: %v", name, d.Err())
		}
	}
	d := NewDecoder([]byte{2, 0, 0})
	if n := d.Count(1); n != 2 || d.Err() != nil {
		t.Errorf("count %d, %v", n, d.Err())
	}
	if err := d.End(); !errors.Is(err, ErrMalformed) {
		t.Errorf("bytes after the end: %v", err)
	}
}

func TestValues(t *testing.T) {
	for _, want := range []map[string]any{
		nil,
		{"": ""},
		{"b": true, "a": false, "n": int64(-5), "f": 0.1, "s": "x", "é": int64(math.MinInt64), "z": math.Copysign(0, -1), "max": math.MaxFloat64},
	} {
		var a, b Encoder
		a.Values(want)
		b.Values(want)
		if !bytes.Equal(a.B, b.B) {
			t.Error("not the same twice")
		}
		d := NewDecoder(a.B)
		got := d.Values()
		if err := d.End(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	for _, bad := range []any{math.NaN(), math.Inf(1), math.Inf(-1), 5, float32(1), nil, []byte{}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v of type %T is written", bad, bad)
				}
			}()
			new(Encoder).Values(map[string]any{"k": bad})
		}()
	}
}

// What a Decoder accepts an Encoder writes.
func FuzzValues(f *testing.F) {
	var e Encoder
	e.Values(map[string]any{"a": true, "b": int64(-5), "c": 1.5, "d": "x"})
	f.Add(e.B)
	f.Add([]byte{0})
	f.Add([]byte{2, 1, 'b', 0, 1, 'a', 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := NewDecoder(b)
		m := d.Values()
		if d.End() != nil {
			return
		}
		var e Encoder
		e.Values(m)
		if !bytes.Equal(e.B, b) {
			t.Fatalf("accepted %x, writes %x", b, e.B)
		}
	})
}

func FuzzNumbers(f *testing.F) {
	f.Add([]byte{0x80, 0x01, 0x01})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := NewDecoder(b)
		var e Encoder
		e.Uint(d.Uint())
		e.Int(d.Int())
		e.String(d.String())
		if d.End() == nil && !bytes.Equal(e.B, b) {
			t.Fatalf("accepted %x, writes %x", b, e.B)
		}
	})
}
