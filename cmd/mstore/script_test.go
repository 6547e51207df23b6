//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mstore": main})
}

// TestScript runs testdata/script: one file per command and per kind of bad
// input. scriptcmd_test.go has the commands that these files use beside
// testscript's own.
func TestScript(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of processes; under the race detector they take minutes")
	}
	p := scriptParams("testdata/script")
	services := newServices(t)
	plain := p.Setup
	p.Setup = func(env *testscript.Env) error {
		services.setup(env)
		return plain(env)
	}
	p.Cmds["bucket"] = services.cmdBucket
	testscript.Run(t, p)
}

func scriptParams(dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("MSTORE_DIR", "")
			env.Setenv("SOURCE_DATE_EPOCH", "1764000000")
			env.Setenv("NO_COLOR", "")
			env.Setenv("TZ", "UTC")
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "devzero":
				_, err := os.Stat("/dev/zero")
				return err == nil, nil
			case "casefold":
				return runtime.GOOS == "darwin", nil
			}
			return false, errors.New("unknown condition " + strconv.Quote(cond))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":      cmdCode,
			"json":      cmdJSON,
			"set":       cmdSet,
			"flipbyte":  cmdFlipByte,
			"truncate":  cmdTruncate,
			"random":    cmdRandom,
			"remember":  cmdRemember,
			"damage":    cmdDamage,
			"weird":     cmdWeird,
			"append":    cmdAppend,
			"mkfifo":    cmdMkfifo,
			"mksocket":  cmdMksocket,
			"listing":   cmdListing,
			"tensors":   cmdTensors,
			"jsonpatch": cmdJSONPatch,
		},
	}
}

// cmdCode is "code N PROGRAM ARG...": the program must exit with code N.
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
