package schema

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// object is a JSON object that a test builds.
type object = map[string]any

func toJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func registry(t testing.TB, kinds ...string) *Registry {
	t.Helper()
	var own []*Kind
	for _, src := range kinds {
		own = append(own, parseKind(t, src))
	}
	return registryOf(t, own...)
}

func parseKind(t testing.TB, src string) *Kind {
	t.Helper()
	k, err := ParseKind("test.yaml", []byte(src))
	if err != nil {
		t.Fatalf("%v, of\n%s", err, src)
	}
	return k
}

func input(name, content string) Input {
	return Input{Name: name, Size: int64(len(content)), At: strings.NewReader(content)}
}

// check looks at a model with the built-in kinds.
func check(t testing.TB, name, content string) *Report {
	t.Helper()
	return checkWith(t, registry(t), name, content, Options{})
}

func checkWith(t testing.TB, r *Registry, name, content string, o Options) *Report {
	t.Helper()
	rep, err := r.Check(context.Background(), input(name, content), o)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// checkAs looks at a document with one kind, which takes all of them.
func checkAs(t testing.TB, kind, doc string) *Report {
	t.Helper()
	rep := checkWith(t, registry(t, "kind: k\nmatch: {name: '*'}\n"+kind), "model.json", doc, Options{})
	if rep.Kind != "k" {
		t.Fatalf("kind %q of %s", rep.Kind, doc)
	}
	return rep
}

// rules are the names of what was found, in order of their names. Those of errors have
// a ! after them.
func rules(rep *Report) []string {
	list := []string{}
	for _, f := range rep.Findings {
		name := f.Rule
		if f.Severity == Error {
			name += "!"
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func stat(rep *Report, name string) any {
	for _, s := range rep.Stats {
		if s.Name == name {
			return s.Value
		}
	}
	return nil
}

// only demands one finding, and returns it.
func only(t testing.TB, rep *Report) Finding {
	t.Helper()
	if len(rep.Findings) != 1 || rep.Errors+rep.Warnings != 1 {
		t.Fatalf("%d errors, %d warnings, %v", rep.Errors, rep.Warnings, rep.Findings)
	}
	return rep.Findings[0]
}

// random is seeded by MSTORE_SEED, or by the clock; a test that fails tells the seed.
func random(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("MSTORE_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("MSTORE_SEED=%d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

var errBroken = errors.New("the disk is broken")

// broken fails to be read from an offset on.
type broken struct {
	content string
	from    int64
}

func (b *broken) ReadAt(p []byte, off int64) (int, error) {
	if off >= b.from {
		return 0, errBroken
	}
	n, err := strings.NewReader(b.content).ReadAt(p, off)
	if left := b.from - off; int64(n) > left {
		return int(left), errBroken
	}
	return n, err
}

func isBroken(err error) bool { return errors.Is(err, errBroken) }
