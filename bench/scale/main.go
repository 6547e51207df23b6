// Command scale grows a store commit by commit in memory, and counts at 1,000, 10,000 and
// 100,000 versions what each operation asks of the storage: requests of each kind, and
// bytes. docs/scale.md tells what comes out.
//
//	go run ./bench/scale [-n VERSIONS] [-models MODELS]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	n := flag.Int("n", 100_000, "grow to so many `versions`")
	models := flag.Int("models", 100, "how many `models` the versions save in turn")
	parity := flag.String("parity", "off", "store.parity: a `percentage` or off")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *n, *models, *parity); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, n, models int, parity string) error {
	g, err := newGrowth(ctx, models, parity)
	if err != nil {
		return err
	}
	var columns []column
	for size := 1000; size <= n; size *= 10 {
		if err := g.growTo(ctx, size); err != nil {
			return err
		}
		c, err := g.measure(ctx)
		if err != nil {
			return err
		}
		columns = append(columns, c)
		fmt.Fprintf(os.Stderr, "%d versions\n", size)
		if size*10 <= n { // that may take a while
			printTable(os.Stderr, columns)
		}
	}
	printTable(os.Stdout, columns)
	return nil
}
