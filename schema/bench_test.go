package schema

import (
	"bytes"
	"context"
	"os"
	"testing"
)

func BenchmarkTry(b *testing.B) {
	r, err := NewRegistry()
	if err != nil {
		b.Fatal(err)
	}
	f := os.Getenv("TRY")
	data, err := os.ReadFile(f)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Check(context.Background(), Input{Name: f, Size: int64(len(data)), At: bytes.NewReader(data)}, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		for _, n := range builtinOrder {
			src, _ := kindFiles.ReadFile("kinds/" + n + ".yaml")
			if _, err := ParseKind(n, src); err != nil {
				b.Fatal(err)
			}
		}
	}
}
