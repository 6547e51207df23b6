// Command platforms type-checks all packages of the module, with everything that
// they import, for each platform that mstore runs on. It finds what keeps them from
// compiling there in a small part of the time: nothing is compiled. make cross
// really compiles. A platform may be followed by build tags, +TAG,TAG; then it is the
// package that has files for them, the backend in a bucket, that is checked.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	targets := os.Args[1:]
	if len(targets) == 0 {
		fmt.Fprintln(os.Stderr, "usage: platforms GOOS/GOARCH[+TAG,TAG]...")
		os.Exit(2)
	}
	bad := false
	for _, target := range targets {
		n, problems, err := check(".", target)
		if err != nil {
			problems = append(problems, err.Error())
		}
		for _, p := range problems {
			fmt.Fprintf(os.Stderr, "%s: %s\n", target, p)
			bad = true
		}
		fmt.Printf("%s: %d packages\n", target, n)
		runtime.GC() // before the next one needs as much
	}
	if bad {
		os.Exit(1)
	}
}

// check type-checks the module in dir for one platform and returns how many packages there are, with
// imported ones, and what is wrong with them.
func check(dir, target string) (n int, problems []string, err error) {
	platform, tags, tagged := strings.Cut(target, "+")
	goos, arch, ok := strings.Cut(platform, "/")
	if !ok {
		return 0, nil, fmt.Errorf("not GOOS/GOARCH")
	}
	pattern := "./..."
	if tagged {
		pattern = "./internal/backend/bucket"
	}
	roots, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedTypesSizes,
		Dir:        dir,
		Env:        append(os.Environ(), "GOOS="+goos, "GOARCH="+arch, "CGO_ENABLED=0"),
		BuildFlags: []string{"-tags=" + tags},
	}, pattern)
	if err != nil {
		return 0, nil, err
	}
	for p := range packages.Postorder(roots) {
		n++
		for _, e := range p.Errors {
			problems = append(problems, e.Error())
		}
	}
	return n, problems, nil
}
