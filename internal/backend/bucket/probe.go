package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/mstore/mstore/internal/backend"
)

const probePrefix = "probe/"

// Probe tries on keys of its own whether the bucket keeps the promises that a store
// relies on: of two creations at once exactly one wins, a taken key is refused, what was
// put is read and listed at once, a range is that range, and what was deleted is gone.
// A promise that is not kept is ErrNotConditional. It leaves nothing behind.
func (b *Bucket) Probe(ctx context.Context) (err error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	key := probePrefix + hex.EncodeToString(id[:])
	defer func() {
		clean := context.WithoutCancel(ctx)
		if e := b.Delete(clean, key); e != nil && !errors.Is(e, backend.ErrNotFound) && err == nil {
			err = e
		}
	}()
	if err := b.probe(ctx, key); err != nil {
		return fmt.Errorf("trying out %s: %w", b, err)
	}
	return nil
}

func (b *Bucket) probe(ctx context.Context, key string) error {
	contents := [][]byte{[]byte("first: 0123456789 " + key), []byte("second: 9876543210 " + key)}
	winner, err := b.probeRace(ctx, key, contents)
	if err != nil {
		return err
	}
	err = b.Put(ctx, key, []byte("third"))
	if err == nil {
		return broken("a put with If-None-Match: * overwrote what was there; create-only writes are needed")
	}
	if !errors.Is(err, backend.ErrExists) {
		return err
	}
	got, err := backend.ReadAll(ctx, b, key, 1<<10)
	if errors.Is(err, backend.ErrNotFound) || err == nil && !bytes.Equal(got, contents[winner]) {
		return broken("what was put does not read back at once")
	}
	if err != nil {
		return err
	}
	p := make([]byte, 10)
	if err := backend.ReadFull(ctx, b, key, p, 8); err != nil {
		return err
	}
	if !bytes.Equal(p, contents[winner][8:18]) {
		return broken("a ranged read gives other bytes")
	}
	info := backend.Info{Key: key, Size: int64(len(contents[winner]))}
	infos, err := b.List(ctx, probePrefix, "", 0)
	if err != nil {
		return err
	}
	if !slices.Contains(infos, info) {
		return broken("a listing does not show at once what was put")
	}
	if err := b.Delete(ctx, key); err != nil {
		return err
	}
	if _, err := b.Get(ctx, key, 0, -1); !errors.Is(err, backend.ErrNotFound) {
		return errors.Join(broken("what was deleted is still read"), err)
	}
	if infos, err = b.List(ctx, key, "", 0); err != nil {
		return err
	}
	if len(infos) > 0 {
		return broken("a listing still shows what was deleted")
	}
	return nil
}

// probeRace creates one key twice at once, and returns who won.
func (b *Bucket) probeRace(ctx context.Context, key string, contents [][]byte) (winner int, err error) {
	errs := make([]error, len(contents))
	done := make(chan struct{})
	go func() {
		defer close(done)
		errs[1] = b.Put(ctx, key, contents[1])
	}()
	errs[0] = b.Put(ctx, key, contents[0])
	<-done
	for _, err := range errs {
		if err != nil && !errors.Is(err, backend.ErrExists) {
			return 0, err
		}
	}
	switch {
	case errs[0] == nil && errs[1] == nil:
		return 0, broken("two put the same key with If-None-Match: *, and both were told that they won; create-only writes are needed")
	case errs[0] != nil && errs[1] != nil:
		return 0, broken("two put the same new key with If-None-Match: *, and both were refused")
	case errs[0] != nil:
		return 1, nil
	}
	return 0, nil
}

func broken(what string) error { return fmt.Errorf("%w: %s", ErrNotConditional, what) }
