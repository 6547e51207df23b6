package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// promisor is another store that has content which this one was promised.
type promisor struct {
	remote string
	url    string
	s      *Store
	err    error     // why it cannot be asked
	failed time.Time // when that was

	mu sync.Mutex
	sn *snapshot // of the other store
}

// reader reads the other store.
func (p *promisor) reader() *objects.Reader {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sn.r
}

// reload looks at the other store as it is now.
func (p *promisor) reload(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reloadLocked(ctx)
}

func (p *promisor) reloadLocked(ctx context.Context) error {
	now, err := p.s.load(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &PromisedError{p.remote, p.url, err}
	}
	now.r.KeepPieces(keepPieces)
	p.sn = now
	return nil
}

// promisorPatience is how long a remote that could not be reached is not asked again.
const promisorPatience = 30 * time.Second

// PromisedError is an ErrPromised: a remote has the content, and could not give it.
type PromisedError struct {
	Remote, URL string
	Err         error
}

func (e *PromisedError) Error() string {
	return fmt.Sprintf("it lies at the remote %s (%s) alone, which cannot be reached: %v\n(try again when it can be; mstore fetch --all-content brings everything here, so that the remote is not needed)", e.Remote, e.URL, e.Err)
}

// Unwrap leaves out Err: that a remote is no store does not make this one none.
func (e *PromisedError) Unwrap() error { return ErrPromised }

// promisor opens a remote that promises content, once.
func (s *Store) promisor(ctx context.Context, sn *snapshot, remote string) (*promisor, error) {
	s.promisorMu.Lock()
	defer s.promisorMu.Unlock()
	p := s.promisors[remote]
	if p != nil && p.err != nil && time.Since(p.failed) >= promisorPatience {
		p = nil
	}
	if p == nil {
		p = &promisor{remote: remote, url: sn.st.Config[remoteKey(remote, remoteURL)]}
		p.err = p.open(ctx, sn)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		p.failed = time.Now()
		if s.promisors == nil {
			s.promisors = map[string]*promisor{}
		}
		s.promisors[remote] = p
	}
	if p.err != nil {
		return nil, p.err
	}
	return p, nil
}

func (p *promisor) open(ctx context.Context, sn *snapshot) error {
	unreachable := func(err error) error { return &PromisedError{p.remote, p.url, err} }
	if p.url == "" {
		return unreachable(errors.New("the setting remote." + p.remote + ".url is not there"))
	}
	at, err := sn.s.openStorage(ctx, p.url)
	if err != nil {
		return unreachable(err)
	}
	other := newStore(nil, at.Backend, Options{Clock: sn.s.o.Clock})
	other.closers = append(other.closers, at)
	other.dir, other.location = at.dir, at.location
	p.s = other
	if err = other.checkFormat(ctx); err == nil {
		err = p.reload(ctx)
	}
	if want := sn.st.Config[remoteKey(p.remote, remoteID)]; err == nil && want != "" && want != hex.EncodeToString(p.sn.st.Store[:]) {
		err = fmt.Errorf("another store lies there now, of ID %x, not %s", p.sn.st.Store, want)
	}
	if err != nil {
		p.s = nil
		if unreached := (*PromisedError)(nil); errors.As(err, &unreached) {
			err = unreached.Err
		}
		return unreachable(errors.Join(err, other.Close()))
	}
	return nil
}

func (s *Store) closePromisors() error {
	s.promisorMu.Lock()
	defer s.promisorMu.Unlock()
	var errs []error
	for _, p := range s.promisors {
		if p.s != nil {
			errs = append(errs, p.s.Close())
		}
	}
	s.promisors = nil
	return errors.Join(errs...)
}

// has tells whether the remote has a content. Where it has not, the error says why:
// ErrExpired, ErrDamaged, or ErrPromised when it cannot be reached.
func (p *promisor) has(ctx context.Context, id objects.BlobID) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for again := false; ; again = true {
		_, ok, err := p.sn.r.HasBlob(ctx, id)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case ok:
			return nil
		case !again: // what it has now, and what became of packs that are gone
			if err := p.reloadLocked(ctx); err != nil {
				return err
			}
			continue
		case err != nil:
			return as(ErrDamaged, fmt.Errorf("the remote %s, which promised it, cannot tell whether it has it: %w (run mstore fsck there)", p.remote, err))
		}
		x, err := p.sn.expiry(ctx, id)
		switch {
		case err != nil:
			return &PromisedError{p.remote, p.url, err}
		case x != nil:
			return as(ErrExpired, fmt.Errorf("content %s was promised by the remote %s, and has %s there", id.Short(), p.remote, x))
		}
		if next, err := p.sn.promise(ctx, id); err == nil && next != nil {
			return &PromisedError{p.remote, p.url, fmt.Errorf("it has not got it itself: its own remote %s has (fetch it there first)", next.Remote)}
		}
		return as(ErrDamaged, fmt.Errorf("content %s was promised by the remote %s, which has lost it (mstore fsck there tells more)", id.Short(), p.remote))
	}
}

// fetchMissing gets a content that a reader misses. It is how single reads go on; who
// reads many fetches them first.
func (sn *snapshot) fetchMissing(ctx context.Context, kind pack.Kind, key pack.Key) (*objects.Reader, error) {
	if kind == pack.KindPiece { // of a content whose recipe was read there
		for _, remote := range promising(sn.st) {
			p, err := sn.s.promisor(ctx, sn, remote)
			if err != nil {
				return nil, err
			}
			r := p.reader()
			if _, ok, err := r.Has(ctx, kind, key); ok && err == nil {
				return r, nil
			}
		}
		return nil, objects.ErrMissing
	}
	id := objects.BlobID(key)
	x, err := sn.promise(ctx, id)
	if err != nil {
		return nil, err
	}
	if x == nil {
		return nil, objects.ErrMissing
	}
	return sn.fetchPromised(ctx, []objects.BlobID{id}, x.Remote)
}
