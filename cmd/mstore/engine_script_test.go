//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/enginetest"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestEngineScript runs testdata/engine: whole walks through the commands on stores in a
// bucket. STORE and OTHER are URLs of two stores, NOBUCKET is in no bucket, and NOBODY
// where nobody answers.
func TestEngineScript(t *testing.T) {
	e := enginetest.New(t)
	p := scriptParams("testdata/engine")
	setup := p.Setup
	p.Setup = func(env *testscript.Env) error {
		name := filepath.Base(env.WorkDir)
		env.Setenv("STORE", e.URL(name+"/a"))
		env.Setenv("OTHER", e.URL(name+"/b"))
		env.Setenv("NOBUCKET", strings.Replace(e.URL(name), e.Bucket, e.Bucket+"-none", 1))
		env.Setenv("NOBODY", e.URL(name, "http://127.0.0.1:1"))
		env.Setenv("AWS_ACCESS_KEY_ID", os.Getenv("AWS_ACCESS_KEY_ID"))
		env.Setenv("AWS_SECRET_ACCESS_KEY", os.Getenv("AWS_SECRET_ACCESS_KEY"))
		env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
		return setup(env)
	}
	testscript.Run(t, p)
}

// All work goes on while an OSD is down: commit, checkout, push, clone, check.
func TestEngineWithoutAnOSD(t *testing.T) {
	e := enginetest.New(t)
	e.CanKill()
	e.Kill("osd", "2")
	led := &ledgerOfAcked{}
	c := newClient(t, "c", e.URL("s"), led)
	if err := steps(0, 3)(c); err != nil {
		t.Fatal(err)
	}
	models := bigModels(t, c, 3)
	newClient(t, "seat", e.URL("other"), nil)
	c.must("remote", "add", "other", e.URL("other"))
	c.must("push", "other", "main")
	to := filepath.Join(t.TempDir(), "clone")
	c.must("clone", e.URL("other"), to)
	if err := sameIn(to, models); err != nil {
		t.Error(err)
	}
	look := func(when string) {
		for _, prefix := range []string{"s", "other"} {
			if n := proven(t, e.URL(prefix), led, false); n != 4 {
				t.Errorf("%s, %s: %d versions, want 4", when, prefix, n)
			}
		}
	}
	look("without the OSD")
	e.Start("osd", "2")
	look("with the OSD again")
}

// A push, and a clone, while an OSD dies in the middle: they come to their end.
func TestEngineOSDKilledInExchange(t *testing.T) {
	e := enginetest.New(t)
	e.CanKill()
	c := newClient(t, "c", e.URL("s"), &ledgerOfAcked{})
	var last []byte
	for i := range 6 {
		if err := c.commit(i); err != nil {
			t.Fatal(err)
		}
		last = save(c.name, i, 1000)
	}
	models := bigModels(t, c, 4)
	models[c.path()] = last
	_, url := through(t, e, at(6, func() { e.Kill("osd", "0") }))
	url = strings.Replace(url, "/s?", "/pushed?", 1)
	newClient(t, "seat", e.URL("pushed"), nil)
	c.must("remote", "add", "other", url)
	c.must("push", "other", "main")
	e.Start("osd", "0")

	_, url = through(t, e, at(10, func() { e.Kill("osd", "1") }))
	to := filepath.Join(t.TempDir(), "clone")
	c.must("clone", strings.Replace(url, "/s?", "/pushed?", 1), to)
	if err := sameIn(to, models); err != nil {
		t.Error(err)
	}
	e.Start("osd", "1")
	if n := proven(t, e.URL("pushed"), c.led, false); n != 7 {
		t.Errorf("%d versions, want 7", n)
	}
}

// Memory does not grow with what is committed to a bucket and read from it.
func TestEngineBoundedMemory(t *testing.T) {
	e := enginetest.New(t)
	c := newClient(t, "c", e.URL("s"), nil)
	const size = 150 << 20
	name := filepath.Join(c.dir, "big.bin")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{7}), size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"commit", "big.bin"}, {"checkout", "HEAD", "-o", "out"}, {"fsck"}} {
		cmd := c.command(t.Context(), args...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		peak, ended := int64(0), false
		for !ended {
			select {
			case err := <-done:
				if ended = true; err != nil {
					t.Fatalf("%v: %v\n%s", args, err, &out)
				}
			case <-time.After(2 * time.Millisecond):
				peak = max(peak, peakOf(cmd.Process.Pid))
			}
		}
		if peak > 300<<20 {
			t.Errorf("%v: %d MB of memory", args, peak>>20)
		} else {
			t.Logf("%v: %d MB of memory", args, peak>>20)
		}
	}
}

// peakOf is the most memory in bytes that a process has had, 0 where nothing tells. What
// the system says of it afterwards may be this one's, from which it was made.
func peakOf(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil || !bytes.Contains(status, []byte("Name:\tmstore")) {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	var kb int64
	fmt.Sscan(string(rest), &kb)
	return kb << 10
}
