// Package enginetest gives tests a real S3 engine: the one that MSTORE_TEST_S3 names,
// without which they are skipped. Where it is that of scripts/engine.sh, they can end
// parts of it.
package enginetest

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend/bucket/buckettest"
)

// Engine is a bucket of a test's own in an engine.
type Engine struct {
	t         testing.TB
	query     url.Values
	Bucket    string
	Endpoints []string // of the gateways
}

// New makes a bucket, which goes with the test. It skips the test where there is no
// engine.
func New(t testing.TB) *Engine {
	t.Helper()
	u, err := url.Parse(buckettest.Engine(t))
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{t: t, query: u.Query(), Bucket: u.Host}
	e.Endpoints = strings.Split(e.query.Get("endpoint"), ",")
	e.query.Del("endpoint")
	return e
}

// URL is that of a store in the bucket, reached through these endpoints, or else
// through all gateways.
func (e *Engine) URL(prefix string, endpoints ...string) string {
	if len(endpoints) == 0 {
		endpoints = e.Endpoints
	}
	return "s3://" + e.Bucket + "/" + prefix + "?endpoint=" + strings.Join(endpoints, ",") + "&" + e.query.Encode()
}

// script is scripts/engine.sh.
func script() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("where is this file?")
	}
	name := filepath.Join(filepath.Dir(file), "..", "..", "scripts", "engine.sh")
	_, err := os.Stat(name)
	return name, err
}

// CanKill skips the test unless the engine is one that parts of may be ended.
func (e *Engine) CanKill() {
	e.t.Helper()
	if os.Getenv("MSTORE_ENGINE_DIR") == "" {
		e.t.Skip("ends parts of the engine, which scripts/engine.sh must have started: make test-engine")
	}
	e.run("wait")
}

// Kill ends an OSD ("osd", 0 to 2) or a gateway ("gateway", 0 or 1) with kill -9. It
// comes back at the end of the test at the latest.
func (e *Engine) Kill(what, which string) {
	e.t.Helper()
	e.t.Cleanup(func() { e.Start(what, which) })
	e.run("kill-"+what, which)
}

// Start brings back what was ended, and waits until it works.
func (e *Engine) Start(what, which string) {
	e.t.Helper()
	e.run("start-"+what, which)
}

func (e *Engine) run(args ...string) {
	e.t.Helper()
	name, err := script()
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		e.t.Errorf("engine.sh %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
