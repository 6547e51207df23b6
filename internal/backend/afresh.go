package backend

import "errors"

// Afresh runs read, which reads a key of b, and once more if what it read was damaged
// and b is a Cache, whose copy is dropped: the store's own bytes may be right.
func Afresh[T any](b Backend, key string, damage error, read func() (T, error)) (T, error) {
	x, err := read()
	if err != nil && errors.Is(err, damage) {
		if c, ok := b.(Cache); ok { // whether or not another reader has dropped it meanwhile
			c.Forget(key)
			return read()
		}
	}
	return x, err
}
