package wrapper

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"

	"github.com/go-json-experiment/json/jsontext"
)

// Wrap writes {"metadata":META,"data":BODY} and nothing behind it. BODY is
// what r holds, byte by byte; it must be one JSON document of size bytes. META
// is meta with the member data_size, which replaces one that meta has; it is
// one line, its names sorted, its numbers as encoding/json writes them. meta
// itself is not changed; nil is no metadata.
//
// Errors are those of r and w; a *SyntaxError, with the offset in the body,
// when r is not JSON; ErrSize; a *MetadataError when meta is too large; and
// encoding/json's for a value that it cannot write. After one of the first
// three what was written to w is of no use.
func Wrap(w io.Writer, meta map[string]any, r io.Reader, size int64) error {
	line, err := encode(meta, size)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, `{"%s":%s,"%s":`, nameMetadata, line, nameData); err != nil {
		return err
	}
	s := newScanner(&copier{r: r, w: w, size: size})
	if _, err := s.begin(); err != nil {
		return err
	}
	if err := s.value(); err != nil {
		return err
	}
	if err := s.finish(); err != nil {
		return err
	}
	_, err = io.WriteString(w, "}")
	return err
}

func encode(meta map[string]any, size int64) (jsontext.Value, error) {
	meta = maps.Clone(meta)
	if meta == nil {
		meta = map[string]any{}
	}
	meta[nameSize] = size
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(meta); err != nil {
		return nil, fmt.Errorf("encoding the metadata: %w", err)
	}
	v := jsontext.Value(b.Bytes())
	// RFC 8785 would round whole numbers above 2⁵³.
	if err := v.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		return nil, fmt.Errorf("encoding the metadata: %w", err)
	}
	if len(v) > MaxMetadata {
		return nil, &MetadataError{Off: int64(len(`{"":`) + len(nameMetadata)), Found: tooLarge}
	}
	return v, nil
}

// copier writes what is read of r to w, and demands that it is size bytes.
type copier struct {
	r          io.Reader
	w          io.Writer
	size, done int64
}

func (c *copier) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done += int64(n)
	if c.done > c.size {
		return 0, fmt.Errorf("%w: more than %d bytes", ErrSize, c.size)
	}
	if err == io.EOF && c.done < c.size {
		err = fmt.Errorf("%w: %d bytes in place of %d", ErrSize, c.done, c.size)
	}
	if n > 0 {
		if _, werr := c.w.Write(p[:n]); werr != nil {
			return 0, werr
		}
	}
	return n, err
}

// Unwrap writes the data of a wrapper to w: the range of r that Inspect found.
// Its errors are those of r and w; ErrNotWrapped when info is not of a
// wrapper; and io.ErrUnexpectedEOF, wrapped, when r ends before the range
// does.
func Unwrap(w io.Writer, r io.ReaderAt, info Info) error {
	if !info.Wrapped {
		return ErrNotWrapped
	}
	n, err := io.Copy(w, io.NewSectionReader(r, info.DataOff, info.DataLen))
	if err == nil && n < info.DataLen {
		err = fmt.Errorf("reading the data of the wrapper, bytes %d to %d: %w", info.DataOff, info.DataOff+info.DataLen, io.ErrUnexpectedEOF)
	}
	return err
}
