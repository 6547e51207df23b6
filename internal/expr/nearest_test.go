package expr

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{"acc", "loss", "los", "throughput", "val_loss"}
	for name, want := range map[string][]string{
		"losss": {"loss"}, "LOSS": {"loss", "los"}, "troughput": {"throughput"}, "zzz": nil, "": nil,
	} {
		if got := Nearest(name, names); !slices.Equal(got, want) {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
