package store

import (
	"strings"

	"github.com/mstore/mstore/exchange"
)

// checkoutPaths is the local setting with the globs, one a line, of the models that this
// working directory holds: a clone of some models makes it. Others are in the versions
// all the same. They are not brought here unless they are named; and that they are not
// here does not mean that somebody has removed them.
const checkoutPaths = "checkout.paths"

// elsewhere makes a test of the models that this working directory does not hold.
func (s *Store) elsewhere() func(path string) bool {
	local, err := s.localConfig()
	if err != nil || local[checkoutPaths] == "" {
		return func(string) bool { return false }
	}
	f := exchange.Filter{Paths: strings.Split(local[checkoutPaths], "\n")}
	return func(path string) bool { return !f.Path(path) }
}

func checkPaths(value string) error {
	for glob := range strings.SplitSeq(value, "\n") {
		if err := CheckGlob(glob); err != nil {
			return err
		}
	}
	return nil
}

// away tells whether a model that is not on disk need not be there.
func (c *statCache) away(s *Store, path string) bool {
	c.elsewhereOnce.Do(func() { c.elsewhere = s.elsewhere() })
	return c.elsewhere(path)
}
