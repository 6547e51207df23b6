package schema_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/mstore/mstore/schema"
)

// A kind says how it is recognised, what its documents must look like, and when their
// quality is in doubt.
const vocabulary = `
kind: vocabulary
match: {has: [tokens]}
schema:
  required: [tokens]
  properties:
    tokens: {type: array, items: {type: string}}
stats:
  tokens: {size: $.tokens}
rules:
  - rule: few-tokens
    must: tokens >= 5
    message: has {tokens} tokens only
`

func ExampleRegistry_Check() {
	kind, err := schema.ParseKind("vocabulary.yaml", []byte(vocabulary))
	if err != nil {
		log.Fatal(err)
	}
	registry, err := schema.NewRegistry(kind)
	if err != nil {
		log.Fatal(err)
	}
	model := "{\n  \"tokens\": [\"a\", \"b\", 5]\n}\n"
	report, err := registry.Check(context.Background(), schema.Input{
		Name: "model.json", Size: int64(len(model)), At: strings.NewReader(model)}, schema.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Kind, report.Stats[0].Name, report.Stats[0].Value)
	for _, f := range report.Findings {
		fmt.Println(f.Severity, f.String())
	}
	// Output:
	// vocabulary tokens 3
	// error 2:24: $.tokens[2]: is 5, expected string
	// warning has 3 tokens only
}
