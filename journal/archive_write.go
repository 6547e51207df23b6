package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"slices"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/hashindex"
	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects/codec"
)

// archiveWriter writes one segment: blocks of older segments as they are, then
// fresh entries. Memory holds the directory and one block.
type archiveWriter struct {
	w      io.Writer
	off    uint64
	blocks []block
	cur    block
	raw    wire.Encoder
	fresh  [][]byte // ID rows of fresh entries
}

func (w *archiveWriter) write(p []byte) error {
	n, err := w.w.Write(p)
	w.off += uint64(n)
	return err
}

// copyBlocks takes over all blocks of a segment.
func (w *archiveWriter) copyBlocks(ctx context.Context, a *archive) error {
	blocks, err := a.directory(ctx)
	if err != nil {
		return err
	}
	for i := range blocks {
		bl := blocks[i]
		stored := make([]byte, bl.Stored)
		if err := backend.ReadFull(ctx, a.b, a.key(), stored, int64(bl.Off)); err != nil {
			return a.fail(err)
		}
		if crc32.Checksum(stored, castagnoli) != bl.CRC {
			return a.fail(fmt.Errorf("block at entry %d: %w", bl.First, ErrCorrupt))
		}
		bl.Off = w.off
		if err := w.write(stored); err != nil {
			return err
		}
		w.blocks = append(w.blocks, bl)
	}
	return nil
}

func (w *archiveWriter) add(e *Entry, core []byte) error {
	if w.cur.Count == 0 {
		w.cur = block{First: e.Number, Time: e.Time}
	}
	w.cur.Count++
	w.cur.summarize(e.digest())
	w.raw.Bytes(core)
	if op := e.Commit(); op != nil {
		row := append(make([]byte, 0, idRowSize), op.Target.ID[:]...)
		w.fresh = append(w.fresh, binary.BigEndian.AppendUint64(row, e.Number))
	}
	if w.cur.Count >= blockEntries || len(w.raw.B) >= blockBytes {
		return w.flush()
	}
	return nil
}

func (w *archiveWriter) flush() error {
	if w.cur.Count == 0 {
		return nil
	}
	if len(w.raw.B) > codec.MaxPiece {
		return fmt.Errorf("entry %d is too large for the archive", w.cur.First)
	}
	enc, c := codec.Compress(nil, w.raw.B)
	again, err := codec.Decode(nil, c, enc, len(w.raw.B), nil)
	if err != nil || !bytes.Equal(again, w.raw.B) {
		return fmt.Errorf("verifying the archive block at entry %d: %w", w.cur.First, errOr(err, ErrCorrupt))
	}
	w.cur.Off, w.cur.Stored, w.cur.Raw = w.off, uint32(len(enc)), uint32(len(w.raw.B))
	w.cur.Codec, w.cur.CRC = c, crc32.Checksum(enc, castagnoli)
	if err := w.write(enc); err != nil {
		return err
	}
	w.blocks = append(w.blocks, w.cur)
	w.cur, w.raw.B = block{}, w.raw.B[:0]
	return nil
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// writeArchive merges old segments, in order, and the entries that follow them
// into a new one, durably.
func writeArchive(ctx context.Context, b backend.Backend, name [8]byte, old []*archive, entries []*Entry, cores [][]byte) (archiveInfo, error) {
	info := archiveInfo{Name: name, First: entries[0].Number, Last: entries[len(entries)-1].Number}
	if len(old) > 0 {
		info.First = old[0].First
	}
	out, err := b.Create(ctx, info.key())
	if err != nil {
		return info, fmt.Errorf("creating an archive: %w", err)
	}
	err = func() error {
		w := &archiveWriter{w: out}
		if err := w.write(binary.LittleEndian.AppendUint32([]byte(archiveMagic), Format)); err != nil {
			return err
		}
		for _, a := range old {
			if err := w.copyBlocks(ctx, a); err != nil {
				return err
			}
		}
		for i, e := range entries {
			if err := w.add(e, cores[i]); err != nil {
				return err
			}
		}
		if err := w.flush(); err != nil {
			return err
		}
		dir := encodeDirectory(w.blocks)
		info.DirOff, info.DirLen, info.Blocks = w.off, uint32(len(dir)), uint32(len(w.blocks))
		if err := w.write(dir); err != nil {
			return err
		}
		info.IDs = uint64(len(w.fresh))
		sources := []iter.Seq2[[]byte, error]{}
		for _, a := range old {
			info.IDs += a.IDs
			sources = append(sources, a.idRows())
		}
		slices.SortFunc(w.fresh, bytes.Compare)
		sources = append(sources, func(yield func([]byte, error) bool) {
			for _, r := range w.fresh {
				if !yield(r, nil) {
					return
				}
			}
		})
		ids := hashindex.NewWriter(out, idRowSize)
		for row, err := range mergeRows(sources) {
			if err != nil {
				return err
			}
			if err := ids.Add(row); err != nil {
				return err
			}
		}
		if err := ids.Close(); err != nil {
			return err
		}
		_, err := out.Write(info.encode())
		return err
	}()
	if err != nil {
		_ = out.Abort()
		if errors.Is(err, hashindex.ErrCorrupt) || errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ErrCorrupt) { // an old one was cut short
			err = fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		return info, fmt.Errorf("writing an archive: %w", err)
	}
	if err := out.Commit(); err != nil {
		return info, fmt.Errorf("publishing an archive: %w", err)
	}
	return info, nil
}

// mergeRows merges sorted sources, of which there are few.
func mergeRows(sources []iter.Seq2[[]byte, error]) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		type head struct {
			next func() ([]byte, error, bool)
			row  []byte
		}
		var heads []*head
		advance := func(h *head) (bool, error) {
			row, err, ok := h.next()
			h.row = row
			return ok, err
		}
		for _, s := range sources {
			next, stop := iter.Pull2(s)
			defer stop()
			h := &head{next: next}
			ok, err := advance(h)
			if err != nil {
				yield(nil, err)
				return
			}
			if ok {
				heads = append(heads, h)
			}
		}
		for len(heads) > 0 {
			least := 0
			for i := range heads {
				if bytes.Compare(heads[i].row, heads[least].row) < 0 {
					least = i
				}
			}
			if !yield(heads[least].row, nil) {
				return
			}
			ok, err := advance(heads[least])
			if err != nil {
				yield(nil, err)
				return
			}
			if !ok {
				heads = slices.Delete(heads, least, least+1)
			}
		}
	}
}
