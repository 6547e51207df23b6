package store

import (
	"context"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
)

// InitOn makes a store in a backend, with the models below root, or finds the one there.
// With OpenOn it is how programs of this module measure a store on a backend of their own:
// the history index is not used, and Close leaves b open.
func InitOn(ctx context.Context, root vfs.FS, b backend.Backend, o Options) (*Store, error) {
	s := newStore(root, b, o)
	if _, err := s.init(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// OpenOn opens the store in a backend: see InitOn.
func OpenOn(ctx context.Context, root vfs.FS, b backend.Backend, o Options) (*Store, error) {
	s := newStore(root, b, o)
	if err := s.checkFormat(ctx); err != nil {
		return nil, err
	}
	return s, nil
}
