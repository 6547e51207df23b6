package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// errStdout: stdout could not be written to.
var errStdout = errors.New("writing to stdout")

// output is stdout behind a buffer. After the first error every write fails
// with an error that wraps errStdout.
type output struct {
	*bufio.Writer
	w io.Writer
}

func newOutput(w io.Writer) *output {
	return &output{Writer: bufio.NewWriterSize(stdoutWriter{w}, 32<<10), w: w}
}

// failed returns the error of an earlier write, so that a long report ends when
// nobody reads it any more.
func (o *output) failed() error {
	_, err := o.Write(nil)
	return err
}

type stdoutWriter struct{ w io.Writer }

func (s stdoutWriter) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		err = fmt.Errorf("%w: %w", errStdout, err)
	}
	return n, err
}
