package jsondoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// What can be wrong with a document; a SyntaxError wraps one of them, or none when its
// grammar is broken.
var (
	ErrEmpty      = errors.New("the file is empty")
	ErrTruncated  = errors.New("the file ends in the middle of the document")
	ErrDuplicate  = errors.New("a name occurs twice in one object")
	ErrUTF8       = errors.New("invalid UTF-8")
	ErrDepth      = fmt.Errorf("nested deeper than %d levels", MaxDepth)
	ErrTooLarge   = errors.New("larger than can be compared")
	ErrNotANumber = errors.New("NaN and Infinity are not JSON")
)

// SyntaxError says what is wrong with a document, and where.
type SyntaxError struct {
	Side   string // which document: "a", "b", "base", "ours", "theirs"
	Off    int64  // in bytes, from 0
	Line   int    // from 1
	Column int    // in characters, from 1
	Text   string
	Err    error // one of the errors above, or nil
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d:%d: not well-formed JSON: %s", e.Side, e.Line, e.Column, e.Text)
}

func (e *SyntaxError) Unwrap() error { return e.Err }

// locate finds line and column by reading the source again.
func (e *SyntaxError) locate(src Source) error {
	r := io.NewSectionReader(src, 0, e.Off)
	buf := make([]byte, 64<<10)
	e.Line, e.Column = 1, 1
	for {
		n, err := r.Read(buf)
		b := buf[:n]
		if k := bytes.Count(b, []byte("\n")); k > 0 {
			e.Line += k
			e.Column = 1
			b = b[bytes.LastIndexByte(b, '\n')+1:]
		}
		for _, c := range b {
			if utf8.RuneStart(c) {
				e.Column++
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
