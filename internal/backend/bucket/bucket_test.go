package bucket_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/backendtest"
	"github.com/mstore/mstore/internal/backend/bucket"
)

var ctx = context.Background()

func open(t *testing.T, rawURL string, o bucket.Options) *bucket.Bucket {
	t.Helper()
	b, err := bucket.Open(ctx, rawURL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: error is %v, want %v", what, got, want)
	}
}

func TestMem(t *testing.T) {
	backendtest.Run(t, func(t *testing.T) backend.Backend {
		return open(t, "mem://"+strings.ReplaceAll(t.Name(), "/", "-"), bucket.Options{})
	})
}

func TestMemProbe(t *testing.T) {
	b := open(t, "mem://probe/below/this", bucket.Options{})
	if err := b.Probe(ctx); err != nil {
		t.Fatal(err)
	}
	if infos, err := b.List(ctx, "", "", 0); err != nil || len(infos) != 0 {
		t.Errorf("the probe left %v, %v", infos, err)
	}
}
