package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/mstore/mstore/exchange"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
)

// keepExchanged is what is kept in memory of pieces that were read during an exchange:
// each is the base of others.
const keepExchanged = 48 << 20

// far is another store, opened.
type far struct {
	*Store
	remote Remote // of a bare location only the URL
	at     *storage
	sn     *snapshot // as it was when it was reached
}

// Close releases what is held open.
func (f *far) Close() error { return errors.Join(f.Store.Close(), f.at.Close()) }

// connect opens a remote, or a location that is none.
func (s *Store) connect(ctx context.Context, sn *snapshot, nameOrLocation string) (*far, error) {
	r, err := findRemote(sn.st, nameOrLocation)
	if err != nil {
		if checkRemoteName(nameOrLocation) == nil {
			return nil, err
		}
		if r.URL, err = remoteLocation(nameOrLocation); err != nil {
			return nil, err
		}
	}
	f, err := s.reach(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := s.recognise(ctx, f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// reach opens the store of a remote and loads its state.
func (s *Store) reach(ctx context.Context, r Remote) (*far, error) {
	at, err := s.openStorage(ctx, r.URL)
	if err != nil {
		return nil, r.named(err)
	}
	if at.location == s.location && s.location != "" {
		return nil, errors.Join(as(ErrUsage, fmt.Errorf("%q is this store itself", r.URL)), at.Close())
	}
	f := &far{Store: newStore(vfs.NewMem(), at.Backend, Options{Clock: s.o.Clock, Warn: func(msg string) { s.o.Warn(r.title() + ": " + msg) }, Progress: s.o.Progress}), remote: r, at: at}
	f.dir, f.location = at.dir, at.location
	if err = f.checkFormat(ctx); err == nil {
		f.sn, err = f.load(ctx)
	}
	if err != nil {
		return nil, errors.Join(r.named(err), f.Close())
	}
	return f, nil
}

// title is what people know a remote by.
func (r *Remote) title() string {
	if r.Name != "" {
		return "remote " + r.Name
	}
	return r.URL
}

// named tells which store an error is about.
func (r *Remote) named(err error) error {
	if err = classify(err); errors.Is(err, ErrNoStore) && r.Name != "" {
		return as(ErrNoStore, fmt.Errorf("%s, %s: %w", r.title(), r.URL, err))
	}
	return fmt.Errorf("%s: %w", r.title(), err)
}

// recognise learns a remote's ID when it is first reached, and refuses another store
// under the same name from then on.
func (s *Store) recognise(ctx context.Context, f *far) error {
	if f.remote.Name == "" {
		return nil
	}
	id := hex.EncodeToString(f.sn.st.Store[:])
	check := func(known string) error {
		if known != "" && known != id {
			return as(ErrConflict, fmt.Errorf("%s: at %s there is another store now (%s, not %s); nothing was exchanged. If that is meant: mstore remote remove %s, and add it again",
				f.remote.title(), f.remote.URL, id[:10], known[:min(len(known), 10)], f.remote.Name))
		}
		return nil
	}
	if err := check(f.remote.ID); err != nil || f.remote.ID != "" {
		return err
	}
	_, err := s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		r, err := findRemote(sn.st, f.remote.Name)
		if err != nil {
			return nil, err
		}
		if err := check(r.ID); err != nil || r.ID != "" {
			return nil, err
		}
		return []journal.Op{{Kind: journal.OpSetConfig, Key: remoteKey(r.Name, remoteID), Value: id}}, nil
	})
	f.remote.ID = id
	return err
}

// peer is a store as exchange takes it.
func (s *Store) peer(sn *snapshot) *exchange.Peer {
	sn.r.KeepPieces(keepExchanged)
	return &exchange.Peer{B: s.b, J: s.j, State: sn.st, Reader: sn.r,
		Again: func(ctx context.Context) (*exchange.Peer, error) {
			now, err := s.load(ctx)
			if err != nil {
				return nil, err
			}
			return s.peer(now), nil
		},
		Written:  s.protectPacks,
		Appended: func(ctx context.Context, st *journal.State) { s.foldIfDue(ctx, st) },
	}
}

// transferOptions are those of every exchange.
func (s *Store) transferOptions(op string) exchange.Options {
	return exchange.Options{NewName: newPackName, Clock: s.o.Clock, CheckPath: checkPath, Limits: s.limits,
		Progress: func(p exchange.Progress) { s.o.Progress(op, p.Bytes, p.AllBytes) }}
}

// transferred classifies what ended an exchange.
func transferred(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exchange.ErrWrong), errors.Is(err, exchange.ErrLost):
		return as(ErrDamaged, err)
	case errors.Is(err, exchange.ErrBusy):
		return as(ErrConflict, err)
	}
	return classify(err)
}
