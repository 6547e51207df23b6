package bucket_test

import (
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend/bucket"
	"github.com/mstore/mstore/internal/backend/bucket/buckettest"
)

func TestSkewIsTold(t *testing.T) {
	for _, want := range []time.Duration{0, time.Hour, -time.Hour} {
		s := buckettest.New(t, buckettest.Options{Skew: want})
		b, err := bucket.Open(t.Context(), s.URL(), bucket.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := b.Skew(); ok {
			t.Error("known before the first answer")
		}
		if err := b.Put(t.Context(), "a", []byte("x")); err != nil {
			t.Fatalf("%v off: %v", want, err)
		}
		if got, ok := b.Skew(); !ok || (got-want).Abs() > 2*time.Minute {
			t.Errorf("%v off: %v, %v", want, got, ok)
		}
		if n, err := b.Unfinished(t.Context(), 0); n != 0 || err != nil {
			t.Errorf("%d unfinished uploads, %v", n, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}
