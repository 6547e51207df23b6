package store_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mstore/mstore/store"
)

// project makes a directory with a store in it.
func project() (*store.Store, string) {
	dir, err := os.MkdirTemp("", "mstore-example")
	if err != nil {
		log.Fatal(err)
	}
	s, _, err := store.Init(context.Background(), dir, store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	return s, dir
}

func Example() {
	ctx := context.Background()
	s, dir := project()
	defer os.RemoveAll(dir)
	defer s.Close()

	for i, loss := range []float64{0.5, 0.3, 0.7} {
		model := fmt.Sprintf(`{"weights": [%d, %d]}`, i, i+1)
		if err := os.WriteFile(filepath.Join(dir, "model.json"), []byte(model), 0o644); err != nil {
			log.Fatal(err)
		}
		_, err := s.Commit(ctx, store.CommitOptions{
			Paths:   []string{"model.json"},
			Message: fmt.Sprintf("epoch %d", i+1),
			Metrics: map[string]any{"loss": loss},
		})
		if err != nil {
			log.Fatal(err)
		}
	}

	for v, err := range s.Log(ctx, store.LogOptions{Where: "metrics.loss < 0.6"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(v.Name, v.Message, v.Metrics["loss"])
	}
	if _, err := s.Checkout(ctx, store.CheckoutOptions{Rev: "v2"}); err != nil {
		log.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "model.json"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", b)
	// Output:
	// v2 epoch 2 0.3
	// v1 epoch 1 0.5
	// {"weights": [1, 2]}
}

// A model can be saved from a pipe and read in part, without a file.
func ExampleStore_OpenModel() {
	ctx := context.Background()
	s, dir := project()
	defer os.RemoveAll(dir)
	defer s.Close()

	_, err := s.Commit(ctx, store.CommitOptions{Stdin: strings.NewReader("header|tensors|end"), As: "model.bin"})
	if err != nil {
		log.Fatal(err)
	}
	r, err := s.OpenModel(ctx, "HEAD", "model.bin")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	part := make([]byte, 7)
	if _, err := r.ReadAt(part, 7); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s of %d bytes\n", part, r.Model().Size)
	whole, err := io.ReadAll(r)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", whole)
	// Output:
	// tensors of 18 bytes
	// header|tensors|end
}

func ExampleStore_Fsck() {
	ctx := context.Background()
	s, dir := project()
	defer os.RemoveAll(dir)
	defer s.Close()

	_, err := s.Commit(ctx, store.CommitOptions{Stdin: strings.NewReader("{}"), As: "model.json",
		Time: time.Date(2026, 11, 13, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		log.Fatal(err)
	}
	report, err := s.Fsck(ctx, store.FsckOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("intact:", report.OK, "bytes hashed:", report.Bytes)
	// Output:
	// intact: true bytes hashed: 2
}

func ExampleStore_Diff() {
	ctx := context.Background()
	s, dir := project()
	defer os.RemoveAll(dir)
	defer s.Close()
	for i, loss := range []float64{0.5, 0.25} {
		model := fmt.Sprintf(`{"weights": [%d, 2], "bias": 0.1}`, i)
		if err := os.WriteFile(filepath.Join(dir, "model.json"), []byte(model), 0o644); err != nil {
			log.Fatal(err)
		}
		o := store.CommitOptions{Paths: []string{"model.json"}, Metrics: map[string]any{"loss": loss}}
		if _, err := s.Commit(ctx, o); err != nil {
			log.Fatal(err)
		}
	}

	d, err := s.Diff(ctx, store.DiffOptions{From: "v1", To: "v2"})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range d.Fields {
		fmt.Println(f.String(), f.From, f.To)
	}
	for m, err := range d.Models(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Status, m.Path(), m.Kind)
		for _, c := range m.JSON.Changes {
			fmt.Println(c.Path, c.A.Text, c.B.Text)
		}
	}
	// Output:
	// metrics.loss 0.5 0.25
	// changed model.json json
	// $.weights[0] 0 1
}
