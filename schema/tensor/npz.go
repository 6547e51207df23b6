package tensor

import (
	"archive/zip"
	"cmp"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
)

// maxDirectory bounds how much of a ZIP directory is read: each member takes
// some 100 bytes of it, and several times that in memory.
const maxDirectory = 16 << 20

// npz checks a ZIP archive, of which the members named .npy are arrays. Of the
// others only the checksum is verified.
func (c *checker) npz() {
	r := &allowance{c, maxDirectory}
	z, err := zip.NewReader(r, c.size)
	r.left = math.MaxInt64
	switch {
	case c.err != nil:
		return
	case errors.Is(err, errAllowance):
		c.problem("", -1, "directory", "the ZIP directory has more than %d bytes", maxDirectory)
		return
	case err != nil && !errors.Is(err, zip.ErrInsecurePath):
		c.problem("", -1, "directory", "the file has %d bytes, and at their end no ZIP directory that is valid: %v", c.size, err)
		return
	}
	if c.toEnd = true; c.list != nil {
		// Members are opened after the listing, by several at once.
		if z, err = zip.NewReader(c.r, c.size); err != nil && !errors.Is(err, zip.ErrInsecurePath) {
			c.err = err
			return
		}
	}
	type member struct {
		*zip.File
		off, end int64
	}
	var all []member
	seen := map[string]struct{}{}
	for _, f := range z.File {
		if _, twice := seen[f.Name]; twice {
			c.problem(arrayName(f.Name), -1, "name", "two members are called %s", quote(f.Name))
		}
		seen[f.Name] = struct{}{}
		off, err := f.DataOffset()
		switch {
		case c.err != nil:
			return
		case err != nil:
			c.problem(arrayName(f.Name), -1, "member", "%s has no header where the directory says: %v", quote(f.Name), err)
			continue
		case off > c.size || f.CompressedSize64 > uint64(c.size-off):
			c.cut(arrayName(f.Name), "member "+quote(f.Name), off, off+int64(min(f.CompressedSize64, 1<<61)))
			continue
		}
		all = append(all, member{f, off, off + int64(f.CompressedSize64)})
	}
	slices.SortStableFunc(all, func(a, b member) int { return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.end, b.end)) })
	at := int64(0)
	for _, f := range all {
		// What lies inside another member is not read, so that a small archive
		// cannot be one of endless data.
		if f.off < at {
			c.problem(arrayName(f.Name), f.off, "member", "%s begins at byte %d, the member before it ends at %d", quote(f.Name), f.off, at)
			continue
		}
		at = f.end
		if c.member(f.File, f.off); c.err != nil {
			return
		}
	}
}

// arrayName is the name that NumPy knows a member by.
func arrayName(member string) string { return strings.TrimSuffix(member, ".npy") }

// member checks one.
func (c *checker) member(f *zip.File, off int64) {
	name, array := arrayName(f.Name), strings.HasSuffix(f.Name, ".npy")
	if !array && (c.o.NoValues || strings.HasSuffix(f.Name, "/")) {
		return
	}
	r, err := f.Open()
	if err != nil {
		if c.err == nil {
			c.problem(name, off, "member", "%s cannot be read: %v", quote(f.Name), err)
		}
		return
	}
	defer r.Close()
	if array {
		err = c.array(r, name, off, f)
	} else {
		err = c.drain(r, f.UncompressedSize64, nil)
	}
	if err != nil && c.err == nil {
		c.problem(name, off, "member", "%s is damaged: %v", quote(f.Name), err)
	}
}

// array checks a member that is an array. The error is one of reading it.
func (c *checker) array(r io.Reader, name string, off int64, f *zip.File) error {
	base := int64(-1)
	if f.Method == zip.Store {
		base = off
	}
	size := f.UncompressedSize64
	in := &counter{r: r}
	h, ok, err := c.npyHeader(in, name, base, size)
	if err != nil {
		return unexpected(err)
	}
	if !ok {
		if c.o.NoValues {
			return nil
		}
		return c.drain(in, size-in.n, nil)
	}
	var v *values
	switch want := uint64(h.length) + h.size; {
	case size < want:
		c.problem(name, off, "size", "the array needs %d bytes, the member has %d", want, size)
	case size > want:
		c.problem(name, off, "size", "the array takes %d bytes, the member has %d", want, size)
	default:
		c.count(h.dtype.elem, h.elements, h.size)
		if c.list != nil {
			c.list.member(&h, name, base, f)
		}
		if h.dtype.elem.look != nil {
			v = &values{look: h.dtype.elem.look}
		}
	}
	if c.o.NoValues {
		return nil
	}
	add := func(b []byte) {
		if v == nil {
			return
		}
		if h.dtype.swap {
			swap(b, v.width)
		}
		v.add(b)
	}
	if err := c.drain(in, size-in.n, add); err != nil {
		return err
	}
	if v != nil {
		c.note(name, int64(h.elements), v)
	}
	return nil
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n uint64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += uint64(n)
	return n, err
}

// drain reads the n bytes that are left of a member, and its end, where its
// checksum is verified.
func (c *checker) drain(r io.Reader, n uint64, add func([]byte)) error {
	buf := c.scratch()
	for n > 0 {
		if c.err = c.ctx.Err(); c.err != nil {
			return c.err
		}
		b := buf[:min(n, bufSize)]
		if _, err := io.ReadFull(r, b); err != nil {
			return unexpected(err)
		}
		if add != nil {
			add(b)
		}
		n -= uint64(len(b))
	}
	switch k, err := io.ReadFull(r, buf[:1]); {
	case k > 0:
		return errors.New("it goes on after the length that the directory gives")
	case err != io.EOF:
		return err
	}
	return nil
}

// unexpected makes the end of a member too early one.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

var errAllowance = errors.New("more than may be read")

// allowance is a file of which only so much may be read.
type allowance struct {
	*checker
	left int64
}

func (a *allowance) ReadAt(p []byte, off int64) (int, error) {
	if a.left -= int64(len(p)); a.left < 0 {
		return 0, errAllowance
	}
	return a.checker.ReadAt(p, off)
}
