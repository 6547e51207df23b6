//go:build unix

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mstore/mstore/internal/backend/bucket/buckettest"
	"github.com/mstore/mstore/internal/faultproxy"
)

// An interrupt ends a commit and a checkout whose requests are not answered, at once: no
// version is made, no model is written, and the next ones work.
func TestInterruptedOnBucket(t *testing.T) {
	service := buckettest.New(t, buckettest.Options{})
	p, err := faultproxy.New(service.Endpoint(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	led := &ledgerOfAcked{}
	url := service.At("s", p.URL())
	c := newClient(t, "c", url, led)
	if err := steps(0, 2)(c); err != nil {
		t.Fatal(err)
	}
	interrupt := func(c *client, method string, args ...string) {
		t.Helper()
		reached := make(chan struct{})
		var once sync.Once
		p.Meddle(func(_ int, r *http.Request) faultproxy.Fault {
			if r.Method != method || r.URL.Query().Has("list-type") {
				return faultproxy.Fault{}
			}
			once.Do(func() { close(reached) })
			return faultproxy.Fault{Stall: true}
		})
		defer p.Meddle(nil)
		cmd := c.command(t.Context(), args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-reached
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); exitOf(err) != exitInterrupted {
			t.Errorf("%v: %v, want exit code %d", args, err, exitInterrupted)
		}
	}
	if err := c.write(save(c.name, 2, 1000)); err != nil {
		t.Fatal(err)
	}
	interrupt(c, http.MethodPut, "commit", c.path(), "-m", "never")
	if n := proven(t, url, led, false); n != 2 {
		t.Errorf("%d versions, want 2", n)
	}
	if err := c.commit(2); err != nil {
		t.Fatal(err)
	}
	out := newClient(t, "out", url, nil)
	interrupt(out, http.MethodGet, "checkout", "HEAD")
	if _, err := os.Lstat(filepath.Join(out.dir, c.path())); !os.IsNotExist(err) {
		t.Errorf("an interrupted checkout wrote the model: %v", err)
	}
	out.must("checkout", "HEAD")
	if err := sameIn(out.dir, map[string][]byte{c.path(): save(c.name, 2, 1000)}); err != nil {
		t.Error(err)
	}
}
