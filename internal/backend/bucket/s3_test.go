package bucket_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/backendtest"
	"github.com/mstore/mstore/internal/backend/bucket"
	"github.com/mstore/mstore/internal/backend/bucket/buckettest"
)

// quick are options with which failing is not waited for.
func quick(o bucket.Options) bucket.Options {
	o.Backoff = time.Millisecond
	return o
}

// prefixes gives each backend that a suite opens a prefix of its own.
func prefixes(url func(prefix string) string, open func(rawURL string) backend.Backend) func(*testing.T) backend.Backend {
	n := 0
	return func(*testing.T) backend.Backend {
		n++
		return open(url(fmt.Sprintf("team/store-%d", n)))
	}
}

func TestS3(t *testing.T) {
	if testing.Short() {
		t.Skip("as TestS3Faults")
	}
	s := buckettest.New(t, buckettest.Options{})
	backendtest.Run(t, prefixes(func(p string) string { return s.At(p) }, func(u string) backend.Backend {
		return open(t, u, quick(bucket.Options{SpoolDir: t.TempDir()}))
	}))
}

// TestS3Faults: no operation notices what goes wrong between it and the service.
// MSTORE_SEED repeats a run.
func TestS3Faults(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if v, err := strconv.ParseUint(os.Getenv("MSTORE_SEED"), 10, 64); err == nil {
		seed = v
	}
	t.Logf("MSTORE_SEED=%d", seed)
	s := buckettest.New(t, buckettest.Options{})
	faults := buckettest.Seeded(seed, 8)
	backendtest.Run(t, prefixes(func(p string) string { return s.At(p) }, func(u string) backend.Backend {
		return open(t, u, quick(bucket.Options{SpoolDir: t.TempDir(), Transport: faults, Attempts: 20}))
	}))
	for _, f := range buckettest.AllFaults {
		if faults.Injected(f) == 0 && !testing.Short() {
			t.Errorf("%v never happened", f)
		}
	}
}

func TestS3Engine(t *testing.T) {
	u := buckettest.Engine(t)
	n := 0
	backendtest.Run(t, func(*testing.T) backend.Backend {
		n++
		return open(t, buckettest.WithPrefix(u, fmt.Sprintf("store-%d", n)), bucket.Options{SpoolDir: t.TempDir()})
	})
}

func TestProbe(t *testing.T) {
	for _, c := range []struct {
		name string
		o    buckettest.Options
		ok   bool
	}{
		{"good", buckettest.Options{}, true},
		{"unconditional", buckettest.Options{Unconditional: true}, false},
		{"stale listing", buckettest.Options{StaleList: true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := buckettest.New(t, c.o)
			err := open(t, s.At("p"), quick(bucket.Options{})).Probe(ctx)
			if c.ok != (err == nil) {
				t.Fatalf("Probe: %v", err)
			}
			if err != nil {
				wantError(t, "Probe", err, bucket.ErrNotConditional)
			}
			if names, _ := s.Keys(); len(names) != 0 {
				t.Errorf("it left %q", names)
			}
		})
	}
}
