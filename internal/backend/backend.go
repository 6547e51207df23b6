// Package backend is where bytes lie: a flat map from key to immutable bytes,
// small enough to be met by any file system and any S3 bucket. There is no
// rename, no append, no lock and no overwrite.
package backend

import (
	"context"
	"errors"
	"io"
)

var (
	// ErrNotFound: no such key.
	ErrNotFound = errors.New("key not found")
	// ErrExists: a create-only put found the key taken; somebody else won.
	ErrExists = errors.New("key exists")
	// ErrUnknown: the put may or may not have taken effect (a directory sync
	// that failed after the link, a connection cut after the request). The
	// caller finds out by reading the key back.
	ErrUnknown = errors.New("outcome unknown")
	// ErrReadOnly: the backend cannot be written to.
	ErrReadOnly = errors.New("storage is read-only")
)

// Info describes one key.
type Info struct {
	Key  string
	Size int64 // bytes
}

// Backend stores bytes under keys. A key is one or more elements of
// [a-z0-9_.-], joined by slashes; an element neither is "." or ".." nor begins
// with a dot. A key that was created holds the same bytes until it is deleted.
// All methods may be called concurrently, by any number of processes.
type Backend interface {
	// Get opens n bytes of a key from off, or all from off when n < 0. A range
	// that reaches past the end gives what is there, perhaps nothing. The
	// caller closes the reader.
	Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error)
	// Put creates a key with these bytes, durably, in one step: when it
	// returns nil the key is there for good. Exactly one of several racing
	// creators wins, the others get ErrExists. After any other error the key
	// is absent, except for ErrUnknown.
	Put(ctx context.Context, key string, data []byte) error
	// Create is Put for content too large to hold. The key appears, whole and
	// durable, when Commit returns.
	Create(ctx context.Context, key string) (Writer, error)
	// Replace is Create for a key that is there, or not: when Commit returns, its
	// bytes are the new ones, in one step. It is for repair alone, of damaged bytes
	// by those that were there before; nothing else changes what a key holds.
	Replace(ctx context.Context, key string) (Writer, error)
	// List returns up to limit keys (all when limit <= 0) that begin with
	// prefix and are greater than after, in ascending byte order. A listing
	// that could not be completed is an error, never a shorter list.
	List(ctx context.Context, prefix, after string, limit int) ([]Info, error)
	// Delete removes a key. A key that is not there is ErrNotFound.
	Delete(ctx context.Context, key string) error
	// Stat tells a key's size.
	Stat(ctx context.Context, key string) (Info, error)
}

// Writer receives the content of a key to be. It is not safe for concurrent
// use. One of Commit and Abort must be called; Abort after Commit does nothing.
//
// A Writer that keeps what it was given at hand also implements io.ReaderAt,
// which may be called while another goroutine writes.
type Writer interface {
	io.Writer
	// Commit publishes the key; errors are those of Backend.Put. Whatever the
	// outcome, the Writer is finished.
	Commit() error
	// Abort drops what was written and leaves no trace of it.
	Abort() error
}

// ReadAll returns all bytes of a key; more than max bytes are an error.
func ReadAll(ctx context.Context, b Backend, key string, max int64) ([]byte, error) {
	r, err := b.Get(ctx, key, 0, max+1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > max {
		return nil, errors.New("reading " + key + ": larger than allowed")
	}
	return data, nil
}

// ReadFull fills p with the bytes of key from off. Too few bytes are
// io.ErrUnexpectedEOF.
func ReadFull(ctx context.Context, b Backend, key string, p []byte, off int64) error {
	r, err := b.Get(ctx, key, off, int64(len(p)))
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := io.ReadFull(r, p); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}
