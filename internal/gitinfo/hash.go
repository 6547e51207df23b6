package gitinfo

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
)

// fact is what reading a file's content taught: the hashes of the blobs that git
// would make of it.
type fact struct {
	stamp stamp
	raw   plumbing.Hash
	lf    plumbing.Hash // with LF for CRLF; zero where that is the same, or the file is binary
}

func (f fact) is(h plumbing.Hash) bool {
	return f.raw == h || !f.lf.IsZero() && f.lf == h
}

const (
	hashBlock = 256 << 10
	binaryLen = 8000 // git takes a file for binary if there is a NUL so early
)

// hashFile hashes a file as a git blob, in bounded memory. steady is false when
// the file is not the one of the stamp, or did not stay it.
func hashFile(ctx context.Context, path string, s stamp) (f fact, steady bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return f, false, err
	}
	defer file.Close()
	before, err := fstat(file)
	if err != nil {
		return f, false, err
	}
	if before.kind != kindFile {
		return f, false, nil // replaced meanwhile
	}
	f.stamp = s
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", before.size)
	var crlf int64
	binary := false
	n, err := blocks(ctx, file, before.size, func(b []byte, first bool) {
		if first {
			binary = bytes.IndexByte(b[:min(len(b), binaryLen)], 0) >= 0
		}
		h.Write(b)
		crlf += int64(bytes.Count(b, []byte("\r\n")))
	})
	if err != nil {
		return f, false, err
	}
	h.Sum(f.raw[:0])
	if crlf > 0 && !binary {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return f, false, err
		}
		// The size stands before the content, which takes a second pass.
		h.Reset()
		fmt.Fprintf(h, "blob %d\x00", n-crlf)
		m, err := blocks(ctx, file, before.size, func(b []byte, _ bool) {
			for {
				i := bytes.Index(b, []byte("\r\n"))
				if i < 0 {
					break
				}
				h.Write(b[:i])
				b = b[i+1:]
			}
			h.Write(b)
		})
		if err != nil {
			return f, false, err
		}
		if m == n {
			h.Sum(f.lf[:0])
		}
	}
	after, err := fstat(file)
	if err != nil {
		return f, false, err
	}
	return f, before.stamp == s && after.stamp == s && n == s.size, nil
}

// blocks reads to the end, and gives a CR at the end of a block to the next, so
// that no CRLF is cut in two.
func blocks(ctx context.Context, r io.Reader, size int64, use func(b []byte, first bool)) (n int64, err error) {
	buf := make([]byte, min(max(size+1, 512), hashBlock))
	held := 0
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		m, err := io.ReadFull(r, buf[held:])
		b := buf[:held+m]
		end := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !end {
			return n, err
		}
		held = 0
		if !end && b[len(b)-1] == '\r' {
			held = 1
		}
		use(b[:len(b)-held], n == 0)
		n += int64(len(b) - held)
		if end {
			return n, nil
		}
		if held == 1 {
			buf[0] = '\r'
		}
	}
}
