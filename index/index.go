package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// ErrBusy: another process holds the index. Walk answers the same questions.
var ErrBusy = errors.New("index is held by another process")

// Options are optional; the zero value is good.
type Options struct {
	// Wait is how long a question waits for another process; 0 is one second.
	Wait time.Duration
	// Batch is how many entries must be missing before they are stored; 0 is
	// 256.
	Batch uint64
	// Session is about how many bytes are written before badger is closed and opened
	// again, since all that it writes stays in memory till then; 0 is 32 MB.
	Session int
}

// Index is a directory that holds an index, or will. Its methods may be called
// concurrently, from any number of processes.
type Index struct {
	dir string
	o   Options
}

// Open names an index's directory. It does not touch the disk.
func Open(dir string, o Options) *Index {
	if o.Wait == 0 {
		o.Wait = time.Second
	}
	if o.Batch == 0 {
		o.Batch = 256
	}
	if o.Session == 0 {
		o.Session = 32 << 20
	}
	return &Index{dir, o}
}

// With answers questions about the snapshot src: it catches up if need be,
// opens the index, calls fn once and closes it again. The Query is dead after
// fn returns. The error is fn's, src's, the context's, or ErrBusy when another
// process held the index for Options.Wait, before fn was called. Damage is
// never an error: what cannot be read from the index is read from src, and the
// index is rebuilt for the next question. So is a directory that cannot be
// written.
func (ix *Index) With(ctx context.Context, src Source, fn func(*Query) error) error {
	s, err := ix.session(ctx, src)
	if err != nil {
		return err
	}
	b := &blockFinder{ctx: ctx, src: src, session: s}
	err = func() error {
		defer s.close()
		last, _ := src.Last()
		return fn(&Query{finder: b, last: last, indexed: s.watermark()})
	}()
	if b.damaged {
		ix.wipe(ctx)
	}
	return err
}

// session returns an open, read-only session that fits src and lags behind
// less than a batch, or as near to that as can be had.
func (ix *Index) session(ctx context.Context, src Source) (*session, error) {
	last, _ := src.Last()
	if _, err := os.Stat(ix.dir); err != nil && last < ix.o.Batch {
		return &session{}, nil
	}
	s, err := ix.openReader(ctx, src)
	if isQuestionError(ctx, err) {
		return nil, err
	}
	if err == nil && last < s.end()+ix.o.Batch {
		return s, nil
	}
	if err != nil && last < ix.o.Batch {
		ix.wipe(ctx)
		return &session{}, nil
	}
	s.close()
	if werr := ix.catchUp(ctx, src, false); isQuestionError(ctx, werr) && !errors.Is(werr, ErrBusy) {
		return nil, werr
	} else if err != nil && errors.Is(werr, ErrBusy) {
		return nil, werr
	}
	s, err = ix.openReader(ctx, src)
	if isQuestionError(ctx, err) {
		return nil, err
	}
	return s, nil // with an error that is an empty session: all is tail
}

// isQuestionError tells errors that end the question from those of the index,
// which do not.
func isQuestionError(ctx context.Context, err error) bool {
	var s *sourceError
	return err != nil && (errors.Is(err, ErrBusy) || errors.As(err, &s) || ctx.Err() != nil)
}

// sourceError marks an error as the journal's.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// Rebuild throws the index away and builds it anew from src, whatever its
// size.
func (ix *Index) Rebuild(ctx context.Context, src Source) error {
	if err := ix.catchUp(ctx, src, true); err != nil {
		return fmt.Errorf("rebuilding the index: %w", err)
	}
	return nil
}

// Remove deletes the index. That is not an error where there is none. ErrBusy
// is.
func (ix *Index) Remove() error {
	if _, err := os.Stat(ix.dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	l, err := ix.lock(context.Background(), true)
	if err != nil {
		return fmt.Errorf("removing the index: %w", err)
	}
	defer l.release()
	if err := os.RemoveAll(ix.dir); err != nil {
		return fmt.Errorf("removing the index: %w", err)
	}
	return nil
}

// wipe empties the index, unless others hold it.
func (ix *Index) wipe(ctx context.Context) {
	if l, err := ix.lock(ctx, true); err == nil {
		ix.clear()
		l.release()
	}
}

func (ix *Index) clear() error {
	return errors.Join(os.RemoveAll(ix.path(sealName)), os.RemoveAll(ix.path("db")), os.RemoveAll(ix.path(retryName)))
}

func (ix *Index) path(name string) string { return filepath.Join(ix.dir, name) }

// Stat is what an index holds.
type Stat struct {
	Versions int    // stored versions
	Entries  uint64 // the watermark: the newest journal entry that is stored
	Blocks   int
	Bytes    int64 // size of all files in the directory
}

// Stat reads what the index holds, without catching up. An index that is
// absent, or that no question could use, is empty. The error is ErrBusy, the
// source's or the context's.
func (ix *Index) Stat(ctx context.Context, src Source) (Stat, error) {
	var st Stat
	if _, err := os.Stat(ix.dir); err != nil {
		return st, nil
	}
	s, err := ix.openReader(ctx, src)
	if isQuestionError(ctx, err) {
		return st, err
	}
	for _, b := range s.blocks {
		st.Versions += b.rows
	}
	st.Blocks, st.Entries = len(s.blocks), s.watermark()
	s.close()
	filepath.WalkDir(ix.dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if fi, err := d.Info(); err == nil {
				st.Bytes += fi.Size()
			}
		}
		return nil
	})
	return st, nil
}
