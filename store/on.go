package store

import (
	"context"
	"errors"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
)

// On opens the store in a backend, with the models below root, and makes one where
// there is none. It is how programs of this module measure a store on a backend of their
// own. The history index is not used, and Close leaves b open.
func On(ctx context.Context, root vfs.FS, b backend.Backend, o Options) (*Store, error) {
	s := newStore(root, b, o)
	_, err := backend.ReadAll(ctx, b, formatKey, 256)
	if errors.Is(err, backend.ErrNotFound) {
		_, err = s.init(ctx)
	} else if err == nil {
		err = s.checkFormat(ctx)
	}
	if err != nil {
		return nil, classify(err)
	}
	return s, nil
}
