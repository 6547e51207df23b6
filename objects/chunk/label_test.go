package chunk

import (
	"bytes"
	"fmt"
	"testing"
)

func TestLabelSurvivesEdits(t *testing.T) {
	old := map[uint64]bool{}
	before := checkCut(t, jsonFile(2_000_000, 0))
	for _, p := range before {
		if p.Label == 0 || old[p.Label] {
			t.Errorf("label %x is none, or that of two pieces", p.Label)
		}
		old[p.Label] = true
	}
	after := checkCut(t, jsonFile(2_000_000, 100))
	kept := 0
	for _, p := range after {
		if old[p.Label] {
			kept++
		}
	}
	if len(before) < 6 || kept*4 < len(after)*3 {
		t.Errorf("%d of %d pieces have the label of one of %d pieces before", kept, len(after), len(before))
	}
}

func TestLabelOfSmallPieces(t *testing.T) {
	text := jsonFile(300, 0)
	edited := bytes.Replace(text, []byte("["), []byte("[0.125, "), 1)
	if a, b := checkCut(t, text), checkCut(t, edited); a[0].Label == 0 || a[0].Label != b[0].Label {
		t.Errorf("labels %x and %x", a[0].Label, b[0].Label)
	}
}

// Pieces that are stored are found by their labels, so the same input has the
// same one for ever.
func TestLabelsAreFixed(t *testing.T) {
	pieces := checkCut(t, safetensorsFile("fixed", f32(1, "model.norm.weight", 8)))
	if want := uint64(0xdf9157d973b8806a); len(pieces) != 2 || pieces[1].Label != want {
		t.Errorf("label %#x, want %#x", pieces[1].Label, want)
	}
	var text []byte
	for i := range 1000 {
		text = fmt.Appendf(text, "%d\n", i*i)
	}
	if p, want := checkCut(t, text), uint64(0xfe9ca48397dd62b8); p[0].Label != want {
		t.Errorf("label %#x, want %#x", p[0].Label, want)
	}
}
