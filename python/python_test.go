package python

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// build builds mstore once for all tests and returns its name.
var build = sync.OnceValues(func() (string, error) {
	name := filepath.Join(buildDir, "mstore")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	cmd := exec.Command("go", "build", "-o", name, "./cmd/mstore")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building mstore: %w\n%s", err, out)
	}
	return name, nil
})

// buildDir is a temporary directory, removed when all tests have run.
var buildDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "mstore-python-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		buildDir = dir
		return m.Run()
	}())
}

// tools returns mstore and a Python that is new enough, or skips the test. The
// environment variable PYTHON names another than python3.
func tools(t *testing.T) (mstore, python string) {
	t.Helper()
	if testing.Short() {
		t.Skip("not in short mode: nothing of it runs in this process")
	}
	names := []string{"python3", "python"}
	if name := os.Getenv("PYTHON"); name != "" {
		names = []string{name}
	}
	why := "there is none"
	for _, name := range names {
		file, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.Command(file, "-c", "import sys; print(sys.executable); sys.exit(sys.version_info < (3, 9))").CombinedOutput()
		if err != nil {
			why = fmt.Sprintf("%s is older, or does not run: %v %s", file, err, bytes.TrimSpace(out))
			continue
		}
		mstore, err := build()
		if err != nil {
			t.Fatal(err)
		}
		return mstore, strings.TrimSpace(string(out))
	}
	t.Skipf("the Python module is not tested, as that needs Python 3.9 or later: %s", why)
	return "", ""
}

// environment is this process's, without what would change how mstore and Python
// work, and with the given settings.
func environment(settings ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "MSTORE") && !strings.HasPrefix(name, "PYTHON") && name != "SOURCE_DATE_EPOCH" {
			env = append(env, kv)
		}
	}
	// No __pycache__ beside the sources.
	return append(append(env, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1"), settings...)
}

// output runs a command for at most so long, and returns all that it prints.
func output(ctx context.Context, limit time.Duration, dir string, env []string, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, env, time.Second
	together(cmd)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = fmt.Errorf("it was still running after %v", limit)
	}
	return out, err
}

func TestModule(t *testing.T) {
	mstore, python := tools(t)
	env := environment("MSTORE="+mstore, "MSTORE_TEST_SEED="+os.Getenv("MSTORE_TEST_SEED"))
	out, err := output(t.Context(), 5*time.Minute, ".", env, python, "-m", "unittest", "-v", "test_mstore")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if ran := regexp.MustCompile(`(?m)^Ran (\d+) tests?`).FindSubmatch(out); ran == nil || string(ran[1]) == "0" {
		t.Fatalf("no test ran:\n%s", out)
	}
}
