package jsondiff_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/mstore/mstore/diff/jsondiff"
)

const (
	before = `{"tempo": 120, "patterns": [{"pattern_id": 17, "weight": 0.5}, {"pattern_id": 18, "weight": 1}]}`
	after  = `{"tempo": 120.0, "patterns": [{"pattern_id": 18, "weight": 1}, {"pattern_id": 17, "weight": 0.75}], "meter": "4/4"}`
)

func ExampleDiff() {
	r, err := jsondiff.Diff(context.Background(), strings.NewReader(before), strings.NewReader(after), jsondiff.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range r.Changes {
		fmt.Println(c.Sort, c.Path, c.PointerB)
		if c.Delta != nil {
			fmt.Println("  by", *c.Delta)
		}
	}
	fmt.Println(r.Totals.Respelled, "only spelled otherwise")
	// Output:
	// added $.meter /meter
	// number $.patterns[pattern_id=17].weight /patterns/1/weight
	//   by 0.25
	// moved $.patterns[pattern_id=17] /patterns/1
	// 1 only spelled otherwise
}

func ExamplePatch() {
	err := jsondiff.Patch(context.Background(), os.Stdout, strings.NewReader(before), strings.NewReader(after), jsondiff.Options{})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// [
	// {"op":"move","from":"/patterns/0","path":"/patterns/1"},
	// {"op":"replace","path":"/patterns/1/weight","value":0.75},
	// {"op":"add","path":"/meter","value":"4/4"}
	// ]
}
