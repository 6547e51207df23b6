package schema

import (
	"bytes"
	"context"
	"os"
	"testing"
)

func TestTry(t *testing.T) {
	r, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{os.Getenv("TRY")} {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := r.Check(context.Background(), Input{Name: f, Size: int64(len(b)), At: bytes.NewReader(b)}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v", rep)
		for _, f := range rep.Findings {
			t.Log(f.Severity, f.Rule, f.String(), f.Expected)
		}
	}
}
