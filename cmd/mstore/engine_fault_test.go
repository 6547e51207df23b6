//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/enginetest"
	"github.com/mstore/mstore/internal/faultproxy"
	"github.com/mstore/mstore/internal/sampling"
)

// through begins a proxy in front of the first gateway, and returns it with the URL of
// a store that is reached through it alone.
func through(t *testing.T, e *enginetest.Engine, meddle func(n int, r *http.Request) faultproxy.Fault) (*faultproxy.Proxy, string) {
	t.Helper()
	p, err := faultproxy.New(e.Endpoints[0], meddle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p, e.URL("s", p.URL())
}

// at calls f once, when the k-th request comes, and lets all requests pass.
func at(k int, f func()) func(int, *http.Request) faultproxy.Fault {
	var once sync.Once
	return func(n int, _ *http.Request) faultproxy.Fault {
		if n >= k {
			once.Do(f)
		}
		return faultproxy.Fault{}
	}
}

// An OSD is killed with -9 in the middle of commits; they go on, and everything that was
// acknowledged reads back while it is gone, and when it is back.
func TestEngineOSDKilledInCommits(t *testing.T) {
	e := enginetest.New(t)
	e.CanKill()
	led := &ledgerOfAcked{}
	_, url := through(t, e, at(40, func() { e.Kill("osd", "1") }))
	var clients []*client
	for i := range 3 {
		clients = append(clients, newClient(t, fmt.Sprintf("c%d", i), url, led))
	}
	if err := together(clients, steps(0, 8)); err != nil {
		t.Fatal(err)
	}
	if n := proven(t, e.URL("s"), led, false); n != 24 {
		t.Errorf("%d versions, want 24", n)
	}
	e.Start("osd", "1")
	if n := proven(t, e.URL("s"), led, false); n != 24 {
		t.Errorf("%d versions, want 24", n)
	}
}

// bigModels makes models of some MB in all, and returns their bytes by path.
func bigModels(t *testing.T, c *client, n int) map[string][]byte {
	t.Helper()
	models := map[string][]byte{}
	for i := range n {
		data := make([]byte, 3<<20)
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(data)
		name := fmt.Sprintf("models/m%d.bin", i)
		models[name] = data
		if err := os.MkdirAll(filepath.Join(c.dir, "models"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.dir, filepath.FromSlash(name)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c.must("commit", "models", "-m", "big models")
	return models
}

// sameIn compares the models in a directory.
func sameIn(dir string, models map[string][]byte) error {
	for name, data := range models {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if !bytes.Equal(b, data) {
			return fmt.Errorf("%s has other bytes", name)
		}
	}
	return nil
}

// An OSD is killed, and then a gateway, in the middle of a checkout.
func TestEngineKilledInCheckout(t *testing.T) {
	e := enginetest.New(t)
	e.CanKill()
	models := bigModels(t, newClient(t, "c", e.URL("s"), nil), 10)
	t.Run("osd", func(t *testing.T) {
		_, url := through(t, e, at(8, func() { e.Kill("osd", "2") }))
		c := newClient(t, "out", url, nil)
		out := filepath.Join(c.dir, "out")
		c.must("checkout", "HEAD", "-o", out)
		if err := sameIn(out, models); err != nil {
			t.Error(err)
		}
		e.Start("osd", "2")
	})
	t.Run("gateway", func(t *testing.T) {
		p, _ := through(t, e, at(8, func() { e.Kill("gateway", "0") }))
		c := newClient(t, "out", e.URL("s", p.URL(), e.Endpoints[len(e.Endpoints)-1]), nil)
		out := filepath.Join(c.dir, "out")
		c.must("checkout", "HEAD", "-o", out)
		if err := sameIn(out, models); err != nil {
			t.Error(err)
		}
		e.Start("gateway", "0")
	})
}

// An OSD is killed in the middle of a collection: it comes to its end, or says that it
// could not and is said again; what the policy keeps is there.
func TestEngineOSDKilledInGC(t *testing.T) {
	e := enginetest.New(t)
	e.CanKill()
	led := &ledgerOfAcked{}
	c := newClient(t, "c", e.URL("s"), led)
	if err := steps(0, 12)(c); err != nil {
		t.Fatal(err)
	}
	_, url := through(t, e, at(20, func() { e.Kill("osd", "0") }))
	tidier := newClient(t, "gc", url, nil)
	if _, err := tidier.run("gc", "--keep-last", "5", "--now"); err != nil {
		t.Logf("said again: %v", err)
		tidier.must("gc", "--keep-last", "5", "--now")
	}
	if err := steps(12, 14)(c); err != nil { // and commits go on
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		if n := proven(t, e.URL("s"), led, true); n != 14 {
			t.Errorf("%d versions, want 14", n)
		}
		all := led.list()
		kept := &ledgerOfAcked{all: all[len(all)-5:]}
		proven(t, e.URL("s"), kept, false)
	}
	check()
	e.Start("osd", "0")
	check()
}

// badNetworks are what happens to one in some requests.
var badNetworks = []struct {
	name  string
	every int
	fault faultproxy.Fault
}{
	{"slow", 1, faultproxy.Fault{Delay: 60 * time.Millisecond}},
	{"throttled", 1, faultproxy.Fault{Rate: 100_000}},
	{"500", 4, faultproxy.Fault{Status: 500}},
	{"500 after the effect", 4, faultproxy.Fault{Status: 500, After: true}},
	{"503", 3, faultproxy.Fault{Status: 503, Body: `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`}},
	{"503 after the effect", 4, faultproxy.Fault{Status: 503, After: true}},
	{"cut", 4, faultproxy.Fault{Drop: true}},
	{"cut after the effect", 4, faultproxy.Fault{Drop: true, After: true}},
	{"torn requests", 4, faultproxy.Fault{TearRequest: true}},
	{"torn answers", 4, faultproxy.Fault{TearAnswer: true}},
}

// Commits, a checkout and a check through a bad network: each commit is there once, and
// bytes are right.
func TestEngineBadNetwork(t *testing.T) {
	tried := sampling.Of(t, 1, 2)
	for _, bad := range badNetworks {
		if !tried() {
			continue
		}
		t.Run(strings.ReplaceAll(bad.name, " ", "-"), func(t *testing.T) {
			t.Parallel() // most of it is waiting
			e := enginetest.New(t)
			led := &ledgerOfAcked{}
			p, url := through(t, e, nil)
			clients := []*client{newClient(t, "a", url, led), newClient(t, "b", url, led)}
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			var mu sync.Mutex
			rng := rand.New(rand.NewPCG(seed, 1))
			p.Meddle(func(int, *http.Request) faultproxy.Fault {
				mu.Lock()
				defer mu.Unlock()
				if rng.IntN(bad.every) == 0 {
					return bad.fault
				}
				return faultproxy.Fault{}
			})
			if err := together(clients, steps(0, 4)); err != nil {
				t.Fatal(err)
			}
			c := newClient(t, "out", url, nil)
			c.must("checkout", "HEAD")
			want := map[string][]byte{"a/model.json": save("a", 3, 1000), "b/model.json": save("b", 3, 1000)}
			if err := sameIn(c.dir, want); err != nil {
				t.Error(err)
			}
			c.must("fsck")
			p.Meddle(nil)
			if n := proven(t, e.URL("s"), led, false); n != 8 || len(led.list()) != 8 {
				t.Errorf("%d versions, %d acknowledged, want 8", n, len(led.list()))
			}
		})
	}
}

// Wrong bytes that a gateway sends are never taken for right ones: a checkout through a
// network that flips a bit now and then writes the models as they are, or says that it
// cannot.
func TestEngineFlippedBits(t *testing.T) {
	e := enginetest.New(t)
	models := bigModels(t, newClient(t, "c", e.URL("s"), nil), 3)
	p, url := through(t, e, nil)
	c := newClient(t, "out", url, nil)
	p.Meddle(func(n int, r *http.Request) faultproxy.Fault {
		return faultproxy.Fault{Flip: r.Method == http.MethodGet && n%5 == 0}
	})
	out := filepath.Join(c.dir, "out")
	_, err := c.run("checkout", "HEAD", "-o", out)
	t.Logf("said %v", err)
	if err == nil {
		err = sameIn(out, models)
	} else if code := exitOf(err); code == exitDamaged || code == exitFailed {
		err = nil
		for name, data := range models { // what is there is right
			if b, rerr := os.ReadFile(filepath.Join(out, filepath.FromSlash(name))); rerr == nil && !bytes.Equal(b, data) {
				err = errors.Join(err, fmt.Errorf("%s has other bytes", name))
			}
		}
	}
	if err != nil {
		t.Error(err)
	}
	p.Meddle(nil)
	c.must("checkout", "HEAD", "-o", out)
	if err := sameIn(out, models); err != nil {
		t.Error(err)
	}
}
