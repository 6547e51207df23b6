package jsonmerge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/mstore/mstore/diff/jsonmerge"
)

func ExampleMerge() {
	base := strings.NewReader(`{"tempo": 120, "patterns": [{"id": 1, "weight": 0.5}], "meter": "4/4"}`)
	ours := strings.NewReader(`{"tempo": 90.0, "patterns": [{"id": 1, "weight": 0.5}, {"id": 2}], "meter": "4/4"}`)
	theirs := strings.NewReader(`{"tempo": 100, "patterns": [{"id": 1, "weight": 0.75}]}`)
	r, err := jsonmerge.Merge(context.Background(), os.Stdout, base, ours, theirs, jsonmerge.Options{})
	if errors.Is(err, jsonmerge.ErrConflict) {
		for _, c := range r.Conflicts {
			fmt.Println(c.Path, c.Base.Text, c.Ours.Text, c.Theirs.Text)
		}
	}
	if _, err = jsonmerge.Merge(context.Background(), os.Stdout, base, ours, theirs, jsonmerge.Options{Prefer: jsonmerge.Ours}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// $.tempo 120 90.0 100
	// {"tempo": 90.0, "patterns": [{"id": 1, "weight": 0.75}, {"id": 2}]}
}
