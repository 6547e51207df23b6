package policy_test

import (
	"fmt"
	"time"

	"github.com/mstore/mstore/gc/policy"
	"github.com/mstore/mstore/objects"
)

func ExamplePolicy_Evaluate() {
	p, err := policy.Parse(map[string]string{
		"gc.keep-last":               "1",
		"gc.keep-best":               "loss:min",
		"gc.branch.scratch/*.ttl":    "7d",
		"gc.model.live/**.keep-last": "off",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	in := &policy.Input{Heads: []policy.Head{{Branch: "main", Version: 2}}}
	for i, loss := range []float64{0.25, 0.125, 0.5} {
		in.Versions = append(in.Versions, policy.Version{
			Seq: uint64(i + 1), Parent: i - 1, Branch: "main", Time: time.Unix(int64(i), 0),
			Metrics: map[string]any{"loss": loss},
			Changes: []policy.Change{{Path: "m.json", Blob: objects.BlobID{byte(i)}, Size: 10}},
		})
	}
	r, err := p.Evaluate(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p)
	for _, x := range r.Items {
		fmt.Printf("v%d %s %t %q\n", in.Versions[x.Version].Seq, x.Path, x.Keep, x.Reasons)
	}
	// Output:
	// keep-last 1, keep-best loss:min:1; model live/**: keep-last off; branch scratch/*: ttl 7d
	// v1 m.json false ["not kept by keep-last 1, keep-best loss:min:1"]
	// v2 m.json true ["best loss (min) 1: 0.125"]
	// v3 m.json true ["last 1" "head of main"]
}
