// Command gen writes a benchmark corpus: gen KIND DIR [-scale F]
//
// The same kind and scale give the same bytes on every machine.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/mstore/mstore/bench/corpus"
)

func main() {
	fs := flag.NewFlagSet("gen", flag.ExitOnError)
	scale := fs.Float64("scale", 1, "multiply the sizes by this")
	fs.Usage = func() {
		fmt.Fprintf(os.Stderr, "usage: gen [-scale F] KIND DIR [-scale F]\n\n%s", corpus.Help())
	}
	var words []string
	for rest := os.Args[1:]; ; {
		_ = fs.Parse(rest) // ExitOnError
		if rest = fs.Args(); len(rest) == 0 {
			break
		}
		words, rest = append(words, rest[0]), rest[1:]
	}
	if len(words) != 2 {
		fs.Usage()
		os.Exit(2)
	}
	if err := corpus.Write(words[0], words[1], *scale); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
