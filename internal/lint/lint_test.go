package lint

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/mstore/mstore"

// layers is the package map from the bottom up. A package imports packages of
// lower layers only, and its own subpackages. The longest match counts.
var layers = [][]string{
	{"internal"},
	{"objects/chunk", "objects/codec", "objects/pack", "objects/parity"},
	{"objects"},
	{"journal"},
	{"gc", "index", "mirror", "schema", "refs"},
	{"exchange"},
	{"diff"},
	{"store"},
	{"internal/remote", "internal/web"},
	{"cmd", "bench"},
}

// sideways lists imports within one layer that are meant.
var sideways = map[string][]string{
	"internal":        {"internal"},
	"diff":            {"diff"},
	"cmd":             {"cmd"},
	"bench":           {"bench"},
	"internal/remote": {"internal/remote"},
	"internal/web":    {"internal/web", "internal/remote"},
}

// owners says who alone may import a package from outside.
var owners = map[string][]string{
	"github.com/dgraph-io/badger":      {"index"},
	"github.com/zeebo/blake3":          {"objects"},
	"github.com/klauspost/compress":    {"objects"},
	"github.com/klauspost/reedsolomon": {"objects/parity"},
	"github.com/spf13/cobra":           {"cmd"},
	"github.com/google/jsonschema-go":  {"schema"},
	"github.com/evanphx/json-patch":    {"diff/jsondiff"},
	"github.com/rogpeppe/go-internal":  {"diff/textdiff"},
	"go.yaml.in/yaml":                  {"schema"},
	"github.com/BurntSushi/toml":       {"schema"},
	"github.com/go-git":                {"internal/gitinfo"},
	"github.com/guptarohit/asciigraph": {"internal/plot"},
	"github.com/fsnotify/fsnotify":     {"internal/watch"},
	"gocloud.dev":                      {"internal/backend/bucket"},
	"github.com/aws":                   {"internal/backend/bucket"},
	"github.com/cenkalti/backoff":      {"internal/backend/bucket"},
}

const maxLines = 800

// file is one Go file of the module.
type file struct {
	name    string // slash-separated, from the module's root
	imports []string
	lines   int
}

func (f file) dir() string  { return path.Dir(f.name) }
func (f file) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

func within(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// layerOf is the number and name of the layer that a package lies in.
func layerOf(pkg string) (n int, name string) {
	n = -1
	for i, names := range layers {
		for _, s := range names {
			if within(pkg, s) && len(s) > len(name) {
				n, name = i, s
			}
		}
	}
	return n, name
}

// complaint is what is wrong with an import; "" for nothing.
func complaint(from, imported string) string {
	for dep, who := range owners {
		if within(imported, dep) && !slices.ContainsFunc(who, func(p string) bool { return within(from, p) }) && !within(from, "bench") {
			return "only " + strings.Join(who, ", ") + " may import it"
		}
	}
	to, ok := strings.CutPrefix(imported, module+"/")
	if !ok {
		return ""
	}
	fromLayer, fromName := layerOf(from)
	toLayer, toName := layerOf(to)
	switch {
	case fromLayer < 0:
		return "the importing package is not in the package map"
	case toLayer < 0:
		return "it is not in the package map"
	case toLayer > fromLayer:
		return "imports point downward: " + toName + " lies above " + fromName
	case toLayer == fromLayer && fromName != toName && !slices.Contains(sideways[fromName], toName):
		return toName + " and " + fromName + " lie side by side"
	case toLayer == fromLayer && fromName == toName && !within(to, from) && !slices.Contains(sideways[fromName], toName):
		return "a package imports no parent or sibling of its own layer"
	}
	return ""
}

// files reads every Go file of the module.
func files(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	var all []file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != root && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		ast, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		f := file{name: filepath.ToSlash(rel), lines: bytes.Count(src, []byte("\n"))}
		for _, im := range ast.Imports {
			p, err := strconv.Unquote(im.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, p)
		}
		all = append(all, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no Go files found")
	}
	return all
}

// Tests, and packages of tests, may import what they like; cgo nobody may.
func TestImports(t *testing.T) {
	for _, f := range files(t) {
		for _, im := range f.imports {
			if im == "C" {
				t.Errorf("%s: no cgo", f.name)
			}
			if f.isTest() || strings.HasSuffix(f.dir(), "test") {
				continue
			}
			if why := complaint(f.dir(), im); why != "" {
				t.Errorf("%s imports %s: %s", f.name, im, why)
			}
		}
	}
}

func TestFileLength(t *testing.T) {
	for _, f := range files(t) {
		if f.lines > maxLines {
			t.Errorf("%s: %d lines; split it (at most %d)", f.name, f.lines, maxLines)
		}
	}
}

// The rules themselves.
func TestComplaint(t *testing.T) {
	const m = module + "/"
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"store", m + "index", true},
		{"store", m + "internal/vfs", true},
		{"objects", m + "objects/pack", true},
		{"cmd/mstore", m + "store", true},
		{"internal/backend", m + "internal/vfs", true},
		{"internal/web", m + "store", true},
		{"index", "github.com/dgraph-io/badger/v4", true},
		{"objects/codec", "github.com/klauspost/compress/zstd", true},
		{"bench", m + "store", true},
		{"store", "context", true},

		{"gc", m + "index", false},
		{"refs", m + "index", false},
		{"journal", m + "refs", false},
		{"objects", m + "journal", false},
		{"objects/pack", m + "objects", false},
		{"objects/pack", m + "objects/codec", false},
		{"internal/vfs", m + "objects", false},
		{"internal/vfs", m + "internal/web", false},
		{"store", m + "cmd/mstore", false},
		{"store", "github.com/dgraph-io/badger/v4/options", false},
		{"journal", "github.com/zeebo/blake3", false},
		{"store", "github.com/klauspost/compress/zstd", false},
		{"elsewhere", m + "store", false},
	} {
		if why := complaint(c.from, c.to); (why == "") != c.ok {
			t.Errorf("%s imports %s: complaint %q, want one: %v", c.from, c.to, why, !c.ok)
		}
	}
}
