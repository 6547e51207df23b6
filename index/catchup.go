package index

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"

	"github.com/dgraph-io/badger/v4"
	"github.com/mstore/mstore/objects"
)

// catchUp stores what the journal has after the chain, under the exclusive
// lock. What cannot be opened, or is another journal's, is removed first; so
// is everything when fresh is true. Blocks written before an error stay.
func (ix *Index) catchUp(ctx context.Context, src Source, fresh bool) error {
	l, err := ix.lock(ctx, true)
	if err != nil {
		return err
	}
	defer l.release()
	if fresh {
		if err := ix.clear(); err != nil {
			return fmt.Errorf("removing an old index: %w", err)
		}
	}
	for attempt := 0; ; attempt++ {
		more := true
		for err = nil; more && err == nil; {
			more, err = ix.write(ctx, src, &fresh)
		}
		if attempt == 2 || !errors.Is(err, errDamaged) && !errors.Is(err, errForeign) {
			return err
		}
		if err := ix.clear(); err != nil {
			return fmt.Errorf("removing a damaged index: %w", err)
		}
		fresh = true
	}
}

// write is one session that writes: open, extend the chain, close, seal. more tells that
// there is something left to write. In a fresh index, as one that is empty turns out to be,
// everything was written just now.
func (ix *Index) write(ctx context.Context, src Source, fresh *bool) (more bool, err error) {
	db, err := ix.openWriter()
	if err != nil {
		return false, err
	}
	defer func() {
		cerr := closeBadger(db)
		if cerr == nil && !errors.Is(err, errDamaged) {
			cerr = ix.writeSeal()
		}
		if err == nil && cerr != nil {
			err = fmt.Errorf("closing the index: %w", cerr)
		}
	}()
	chain, err := readChain(db)
	if err != nil {
		return false, err
	}
	*fresh = *fresh || len(chain) == 0
	fit, err := fitting(ctx, src, chain)
	if err != nil {
		return false, err
	}
	if len(fit) < len(chain) {
		return false, nil // another process has seen more of the journal
	}
	if last, _ := src.Last(); len(chain) > 0 && chain[len(chain)-1].last == last {
		return false, nil
	}
	// A small block is replaced by a larger one that begins at the same entry,
	// under the same keys.
	if n := len(chain); n > 0 && chain[n-1].rows < blockRows/2 {
		chain = chain[:n-1]
	}
	from := uint64(0)
	if len(chain) > 0 {
		from = chain[len(chain)-1].last
	}
	written := 0
	err = extend(ctx, src, from, func(h head, cols [][]byte) error {
		if written >= ix.o.Session {
			return errFull
		}
		for _, c := range cols {
			written += len(c)
		}
		return put(db, append([]pair{overlap}, h.pairs(cols)...))
	})
	if more = errors.Is(err, errFull); err != nil && !more {
		return false, err
	}
	if *fresh {
		return more, compact(db, 4, true)
	}
	return more, compact(db, 16, false)
}

// errFull: a session has written enough.
var errFull = errors.New("session is full")

// openWriter opens badger to write, recovering what a dead writer left. The
// seal is gone afterwards.
func (ix *Index) openWriter() (*badger.DB, error) {
	dir := ix.path("db")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("making the index: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the index: %w", err)
	}
	state := ix.checkSeal()
	if err := os.RemoveAll(ix.path(sealName)); err != nil {
		return nil, fmt.Errorf("opening the index: %w", err)
	}
	if state == sealWrong {
		return nil, fmt.Errorf("%w: files do not fit the seal", errDamaged)
	}
	tries := 1
	if state == sealGone && len(entries) > 0 {
		if _, err := os.Stat(ix.path(retryName)); err == nil || !plausible(dir) {
			return nil, fmt.Errorf("%w: cannot be recovered", errDamaged)
		}
		if err := os.WriteFile(ix.path(retryName), nil, 0o666); err != nil {
			return nil, fmt.Errorf("opening the index: %w", err)
		}
		tries = 2 // an empty log fails once
	}
	for {
		db, err := openBadger(dir, false)
		if tries--; err == nil || tries == 0 || errors.Is(err, ErrBusy) {
			return db, err
		}
	}
}

// extend reads the versions after entry from and hands them over in blocks,
// of which the last ends at the snapshot's end.
func extend(ctx context.Context, src Source, from uint64, flush func(head, [][]byte) error) error {
	last, lastHash := src.Last()
	b := newBuilder(from + 1)
	for batch, err := range readAhead(ctx, src, from) {
		if err != nil {
			return &sourceError{fmt.Errorf("reading the journal's versions: %w", err)}
		}
		for _, r := range batch {
			if !b.fits(r) {
				end := b.prev
				hash, err := entryHash(ctx, src, end)
				if err != nil {
					return err
				}
				if err := flush(b.encode(end, hash)); err != nil {
					return err
				}
				b = newBuilder(end + 1)
			}
			b.add(r)
		}
	}
	if last < b.first {
		return nil
	}
	return flush(b.encode(last, lastHash))
}

// readAhead yields the versions after entry from in batches, and reads the next ones
// meanwhile. An error ends it.
func readAhead(ctx context.Context, src Source, from uint64) iter.Seq2[[]Record, error] {
	const size = 512
	return func(yield func([]Record, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		batches := make(chan []Record, 1)
		var err error
		go func() {
			defer close(batches)
			batch := make([]Record, 0, size)
			send := func() error {
				select {
				case batches <- batch:
					batch = make([]Record, 0, size)
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			err = src.Versions(ctx, from, func(r Record) error {
				if batch = append(batch, r); len(batch) < size {
					return ctx.Err()
				}
				return send()
			})
			if err == nil && len(batch) > 0 {
				err = send()
			}
		}()
		for batch := range batches {
			if !yield(batch, nil) {
				cancel()
				for range batches { // until the reader has ended
				}
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// readRange returns the versions of the entries first to last as blocks in
// memory.
func readRange(ctx context.Context, src Source, first, last uint64) ([]block, error) {
	var blocks []block
	b := newBuilder(first)
	flush := func(end uint64) {
		h, cols := b.encode(end, [objects.IDSize]byte{})
		blocks = append(blocks, block{head: h, fetch: func(i int, buf []byte) ([]byte, error) { return append(buf, cols[i]...), nil }})
		b = newBuilder(end + 1)
	}
	done := false
	err := src.Versions(ctx, first-1, func(r Record) error {
		if r.Entry > last {
			done = true
			return errStop
		}
		if !b.fits(r) {
			flush(b.prev)
		}
		b.add(r)
		return nil
	})
	if err != nil && !done {
		return nil, &sourceError{fmt.Errorf("reading the journal's versions: %w", err)}
	}
	if b.rows > 0 {
		flush(last)
	}
	return blocks, nil
}

var errStop = errors.New("stop")
