package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGraph(t *testing.T) {
	type version struct {
		entry   uint64
		parents []uint64
	}
	for name, c := range map[string]struct {
		versions []version // newest first
		want     string
	}{
		"line": {[]version{{3, []uint64{2}}, {2, []uint64{1}}, {1, nil}}, `
* 3
* 2
* 1`},
		"branches": {[]version{{4, []uint64{1}}, {3, []uint64{2}}, {2, []uint64{1}}, {1, nil}}, `
* 4
| * 3
| * 2
|/
* 1`},
		"merge": {[]version{{5, []uint64{4, 3}}, {4, []uint64{2}}, {3, []uint64{2}}, {2, []uint64{1}}, {1, nil}}, `
*   5
|\
* | 4
| * 3
|/
* 2
* 1`},
		"two merges": {[]version{{7, []uint64{6, 5}}, {6, []uint64{4, 3}}, {5, []uint64{3}}, {4, []uint64{2}}, {3, []uint64{2}}, {2, nil}}, `
*   7
|\
* | 6
|\ \
| | * 5
| |/
* | 4
| * 3
|/
* 2`},
		"cut off": {[]version{{9, []uint64{8, 5}}, {8, []uint64{7}}}, `
*   9
|\
* | 8`},
		"strangers": {[]version{{4, []uint64{2}}, {3, nil}, {2, nil}}, `
* 4
| * 3
* 2`},
		"stranger on the left": {[]version{{5, []uint64{1}}, {4, []uint64{3}}, {3, []uint64{2}}, {2, nil}, {1, nil}}, `
* 5
| * 4
| * 3
| * 2
* 1`},
	} {
		var g graph
		var rows []string
		for _, v := range c.versions {
			mark, _, after := g.next(v.entry, v.parents)
			rows = append(append(rows, mark+" "+string('0'+rune(v.entry))), after...)
		}
		got := "\n" + strings.Join(rows, "\n")
		want := strings.ReplaceAll(c.want, "*   ", "* ")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -want +got:\n%s\n%s", name, d, got)
		}
	}
}
