package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"github.com/mstore/mstore/objects"
)

// errForeign: the index was made from another journal.
var errForeign = errors.New("index belongs to another journal")

// session is the index opened to read; the zero value is an empty one.
type session struct {
	lock   *dirLock
	db     *badger.DB
	blocks []block // those that fit the snapshot, ascending
	chain  uint64  // where the stored chain ends, perhaps after the snapshot
}

// watermark is the newest entry that the blocks cover.
func (s *session) watermark() uint64 {
	if s == nil || len(s.blocks) == 0 {
		return 0
	}
	return s.blocks[len(s.blocks)-1].last
}

func (s *session) end() uint64 { return s.chain }

func (s *session) close() {
	if s.db != nil {
		closeBadger(s.db)
		s.db = nil
	}
	s.lock.release()
}

// openReader opens what there is. Its session is never nil, and empty with
// every error: ErrBusy, errDamaged, errForeign, the source's, or one of the
// file system.
func (ix *Index) openReader(ctx context.Context, src Source) (*session, error) {
	s := &session{}
	l, err := ix.lock(ctx, false)
	if err != nil {
		return s, err
	}
	s.lock = l
	if state := ix.checkSeal(); state != sealFits {
		s.close()
		return &session{}, fmt.Errorf("%w: files do not fit the seal (%d)", errDamaged, state)
	}
	if s.db, err = openBadger(ix.path("db"), true); err == nil {
		s.blocks, err = readChain(s.db)
		if n := len(s.blocks); n > 0 {
			s.chain = s.blocks[n-1].last
		}
	}
	if err == nil {
		s.blocks, err = fitting(ctx, src, s.blocks)
	}
	if err != nil {
		s.close()
		return &session{}, err
	}
	return s, nil
}

// readChain reads the heads from entry 1 on.
func readChain(db *badger.DB) ([]block, error) {
	var chain []block
	next := uint64(1)
	err := scan(db, []byte{headPrefix}, func(key, value []byte) (more bool, err error) {
		if !bytes.Equal(key, headKey(next)) { // the end of the chain, or a gap
			return false, nil
		}
		h, err := readHead(db, next, value)
		if err != nil {
			return false, err
		}
		chain = append(chain, block{head: h, fetch: func(i int, buf []byte) ([]byte, error) {
			return readChunks(db, h.first, i, h.cols[i].size, buf)
		}})
		next = h.last + 1
		return true, nil
	})
	return chain, err
}

// readHead decodes a head, and reads what of it lies in pieces elsewhere.
func readHead(db *badger.DB, first uint64, value []byte) (head, error) {
	pieces, n := binary.Uvarint(value)
	if n <= 0 || pieces > 1<<12 {
		return head{}, fmt.Errorf("%w: head of block %d", errDamaged, first)
	}
	data := value[n:]
	if pieces > 0 {
		all, err := readChunks(db, first, 1<<31, int(pieces)*chunkBytes, nil)
		if err != nil {
			return head{}, err
		}
		data = append(all, data...)
	}
	h, err := decodeHead(data)
	if err != nil || h.first != first {
		return head{}, fmt.Errorf("%w: head of block %d: %v", errDamaged, first, err)
	}
	return h, nil
}

// readChunks appends a column to buf, which is empty.
func readChunks(db *badger.DB, first uint64, col, size int, buf []byte) ([]byte, error) {
	for n := 0; len(buf) < size; n++ {
		got := len(buf)
		var err error
		if buf, err = get(db, chunkKey(first, col, n), buf); err != nil {
			return nil, err
		}
		if len(buf) == got {
			return nil, fmt.Errorf("%w: column %d of block %d is missing", errDamaged, col, first)
		}
	}
	return buf, nil
}

// fitting returns the blocks that the snapshot covers. Entries are chained by
// hash, so that the last one's hash speaks for all.
func fitting(ctx context.Context, src Source, chain []block) ([]block, error) {
	last, _ := src.Last()
	for len(chain) > 0 && chain[len(chain)-1].last > last {
		chain = chain[:len(chain)-1]
	}
	if len(chain) == 0 {
		return nil, nil
	}
	b := chain[len(chain)-1]
	hash, err := entryHash(ctx, src, b.last)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(hash[:], b.hash[:]) {
		return nil, errForeign
	}
	return chain, nil
}

func entryHash(ctx context.Context, src Source, n uint64) (hash [objects.IDSize]byte, err error) {
	last, hash := src.Last()
	if n == last {
		return hash, nil
	}
	if hash, err = src.EntryHash(ctx, n); err != nil {
		return hash, &sourceError{fmt.Errorf("reading the hash of entry %d: %w", n, err)}
	}
	return hash, nil
}
