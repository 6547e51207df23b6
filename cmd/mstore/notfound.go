package main

import (
	"fmt"
	"strings"

	"github.com/mstore/mstore/store"
)

// notSaved: no version in question has any of these paths.
func notSaved(paths []string) error {
	quoted := make([]string, len(paths))
	for i, p := range paths {
		quoted[i] = fmt.Sprintf("%q", p)
	}
	return fmt.Errorf("no model is called %s: %w", strings.Join(quoted, " or "), store.ErrNotFound)
}
