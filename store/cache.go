package store

import (
	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/cached"
)

// newCache keeps copies of what is read of b below dir, up to limit bytes.
func newCache(b backend.Backend, dir string, limit int64) (*cached.Backend, error) {
	return cached.New(b, dir, cached.Options{Limit: limit})
}
