package jsondiff

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/mstore/mstore/diff/internal/jsondoc"
)

// Patch writes a JSON Patch (RFC 6902) that turns a into a document equal to b: a JSON
// array with one operation on each line. It is exact, whatever the tolerance; a number or
// string that is only spelled otherwise needs no operation, and the others keep b's
// spelling. The operations are written while they are found; memory is bounded as Diff's
// is. Documents with NaN or Infinity, which no JSON can express, are a *SyntaxError that
// wraps ErrNotANumber; nothing is written then.
func Patch(ctx context.Context, out io.Writer, a, b Source, o Options) error {
	w := &walker{}
	if err := w.open(ctx, a, b, o.Memory); err != nil {
		return err
	}
	for _, d := range []*jsondoc.Doc{w.a, w.b} {
		if err := d.Strict(); err != nil {
			return err
		}
	}
	p := &patcher{w: w, out: bufio.NewWriterSize(out, 64<<10)}
	w.to = p
	if err := w.pair(w.a.Root, w.b.Root); err != nil {
		return err
	}
	text := "\n]\n"
	if !p.begun {
		text = "[]\n"
	}
	p.out.WriteString(text)
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("writing the patch: %w", err)
	}
	return nil
}

// patcher writes operations. When one is applied, all that comes before it in the
// document is as in b already, so that paths into b fit: that is the order in which the
// walker goes.
type patcher struct {
	w     *walker
	out   *bufio.Writer
	begun bool
	buf   []byte
}

func (p *patcher) changed(_, b value) error { return p.op("replace", p.w.path, &b) }
func (p *patcher) added(b value) error      { return p.op("add", p.w.path, &b) }
func (p *patcher) removed(value) error      { return p.op("remove", p.w.path, nil) }

func (p *patcher) respelled(a, b value) error { return nil }
func (p *patcher) enter(a, b value) error     { return nil }
func (p *patcher) leave(a, b value) error     { return nil }

func (p *patcher) moved(_, _ value, from, to int64) error {
	array := p.w.path[:len(p.w.path)-1]
	p.begin("move")
	p.buf = append(p.buf[:0], `,"from":`...)
	ptr, err := array.Pointer(nil, false)
	if err != nil {
		return err
	}
	n := len(ptr)
	p.buf = jsondoc.AppendString(p.buf, strconv.AppendInt(append(ptr, '/'), from, 10))
	p.buf = append(p.buf, `,"path":`...)
	p.buf = jsondoc.AppendString(p.buf, strconv.AppendInt(append(ptr[:n], '/'), to, 10))
	_, err = p.out.Write(append(p.buf, '}'))
	return err
}

func (p *patcher) begin(op string) {
	sep := "[\n"
	if p.begun {
		sep = ",\n"
	}
	p.begun = true
	p.out.WriteString(sep + `{"op":"` + op + `"`)
}

func (p *patcher) op(op string, path jsondoc.Path, v *value) error {
	ptr, err := path.Pointer(nil, false)
	if err != nil {
		return err
	}
	p.begin(op)
	p.buf = jsondoc.AppendString(append(p.buf[:0], `,"path":`...), ptr)
	if v != nil {
		p.buf = append(p.buf, `,"value":`...)
		p.out.Write(p.buf)
		if err := p.w.b.CopyCompact(p.out, *v); err != nil {
			return err
		}
		p.buf = p.buf[:0]
	}
	_, err = p.out.Write(append(p.buf, '}'))
	return err
}
