package lineage

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// at is the modification time n seconds after modified.
func at(n int) time.Time { return modified.Add(time.Duration(n) * time.Second) }

// show writes a plan as lines: source, time of day, and for each item path>model.
func show(p *Plan) []string {
	var lines []string
	for _, v := range p.Versions {
		when := v.Time.Format("0102 150405")
		if !v.FromName {
			when = fmt.Sprintf("+%d", v.Time.Sub(modified)/time.Second)
		}
		line := v.Source + "@" + when
		for _, i := range v.Items {
			line += " " + i.Path
			if i.Model != i.Path {
				line += ">" + i.Model
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func TestMake(t *testing.T) {
	for name, c := range map[string]struct {
		files  map[string]int // path to modification time
		o      Options
		models int
		want   []string
	}{
		"nothing": {},
		"runs": {
			files: map[string]int{
				"r/Itzama_071125_0930_training.json": 0, "r/Itzama_061125_1747_training.json": 9,
				"r/Itzama_061125_1747_training_rhythm_oracle.json": 3, "Itzama_061125_1747_stats.json": 3,
				"r/Other_061125_1747_training.json": 3,
			},
			models: 4,
			want: []string{
				"Itzama@1106 174700 Itzama_061125_1747_stats.json>Itzama_stats.json r/Itzama_061125_1747_training.json>r/Itzama_training.json r/Itzama_061125_1747_training_rhythm_oracle.json>r/Itzama_training_rhythm_oracle.json",
				"Other@1106 174700 r/Other_061125_1747_training.json>r/Other_training.json",
				"Itzama@1107 093000 r/Itzama_071125_0930_training.json>r/Itzama_training.json",
			},
		},
		"runs as they are": {
			files: map[string]int{"A_071125_0930_x.json": 0, "A_061125_1747_x.json": 0, "A_061125_1747_y_v2.json": 0, "b.json": -1, "c_v1.json": -1},
			o:     Options{AsIs: true}, models: 5,
			want: []string{
				"A@1106 174700 A_061125_1747_x.json A_061125_1747_y_v2.json",
				"A@1107 093000 A_071125_0930_x.json",
				"@+-1 b.json c_v1.json",
			},
		},
		"modification times": {
			files: map[string]int{"b.json": 2, "a.json": 3, "c.json": 2, "d/a.json": 1}, models: 4,
			want: []string{"@+1 d/a.json", "@+2 b.json c.json", "@+3 a.json"},
		},
		"ordinals": {
			files: map[string]int{
				"o_20250808_063985.json": 0, "o_20250808_120000.json": 0, "o_20250808_000001_k.json": 0, "o_20250808_000001.json": 0,
				"o_20250809_120000.json": 0, "p_20250808_120000.json": 0, "o_20250808.json": 0, "o_20250808_0500.json": 0,
			},
			models: 3,
			want: []string{
				"o@0808 000000 o_20250808.json>o.json",
				"o@0808 000000 o_20250808_000001.json>o.json o_20250808_000001_k.json>o_k.json",
				"o@0808 000000 o_20250808_063985.json>o.json",
				"o@0808 000000 o_20250808_120000.json>o.json",
				"o@0808 050000 o_20250808_0500.json>o.json",
				"p@0808 120000 p_20250808_120000.json>p.json",
				"o@0809 120000 o_20250809_120000.json>o.json",
			},
		},
		"counters": {
			files: map[string]int{
				"step_1000.pt": 5, "step_200.pt": 9, "step_3000.pt": 7, "d/step_1.pt": 9, "step.pt": 6, "Step_1.pt": 0,
			},
			models: 3,
			want: []string{
				"@+0 Step_1.pt>Step.pt",
				"@+5 step_200.pt>step.pt", "@+5 step_1000.pt>step.pt",
				"@+6 step.pt", "@+7 step_3000.pt>step.pt", "@+9 d/step_1.pt>d/step.pt",
			},
		},
		"a run with counters": {
			files: map[string]int{
				"r_20250101_epoch_10.pt": 1, "r_20250101_epoch_9.pt": 2, "r_20250101_optim_epoch_10.pt": 3, "r_20250101_config.json": 0,
				"s_20250101_x_v1.json": 0, "s_20250101_y_v2.json": 0,
			},
			models: 5,
			want: []string{
				"r@0101 000000 r_20250101_config.json>r_config.json",
				"s@0101 000000 s_20250101_x_v1.json>s_x.json s_20250101_y_v2.json>s_y.json",
				"r@0101 000000 r_20250101_epoch_9.pt>r.pt",
				"r@0101 000000 r_20250101_epoch_10.pt>r.pt r_20250101_optim_epoch_10.pt>r_optim.pt",
			},
		},
		"the same model twice": {
			files:  map[string]int{"a_061125_1747.json": 1, "a-061125_1747.json": 2, "a__061125_1747.json": 0, "a_061125_1747_k.json": 0},
			models: 2,
			want: []string{
				"a@1106 174700 a-061125_1747.json>a.json a_061125_1747_k.json>a_k.json",
				"a@1106 174700 a_061125_1747.json>a.json", "a@1106 174700 a__061125_1747.json>a.json",
			},
		},
		"case and Unicode form": {
			files:  map[string]int{"a_20250101.json": 0, "A_20250102.json": 0, "\u00e4_20250103.json": 0, "a\u0308_20250104.json": 0},
			models: 4,
			want: []string{
				"a@0101 000000 a_20250101.json>a.json", "A@0102 000000 A_20250102.json>A.json",
				"\u00e4@0103 000000 \u00e4_20250103.json>\u00e4.json", "a\u0308@0104 000000 a\u0308_20250104.json>a\u0308.json",
			},
		},
	} {
		var files []File
		for p, n := range c.files {
			files = append(files, File{Path: p, Size: int64(n), ModTime: at(n)})
		}
		plan, err := Make(files, c.o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, show(plan)); diff != "" || plan.Models != c.models {
			t.Errorf("%s: %d models; %s", name, plan.Models, diff)
		}
	}
}

func TestPlan(t *testing.T) {
	part := func(s ...string) *rapid.Generator[string] { return rapid.SampledFrom(s) }
	dir, source, sep := part("", "d/", "D/", "d/e/"), part("", "a", "A", "b_c", "\u00e4"), part("_", "-", ".", "__", "")
	stamp := part("", "", "061125_1747", "061125_174700", "20251106_1747", "20251106", "2025-11-06", "20251106_000001", "20251106_063985", "20251107_063945", "2025-11-07T00:00:00")
	kind, count, ext := part("", "training", "k"), part("", "", "step_9", "step_10", "v010", "epoch=1-step=3"), part("", ".json", ".tar.gz")
	rapid.Check(t, func(t *rapid.T) {
		var files []File
		for range rapid.IntRange(0, 30).Draw(t, "files") {
			p := dir.Draw(t, "dir") + source.Draw(t, "source") + sep.Draw(t, "sep") + stamp.Draw(t, "stamp") + sep.Draw(t, "sep") +
				kind.Draw(t, "kind") + sep.Draw(t, "sep") + count.Draw(t, "count") + ext.Draw(t, "ext")
			if path.Base(p) == "" || strings.HasSuffix(p, "/") || p == "" || slices.ContainsFunc(files, func(f File) bool { return f.Path == p }) {
				continue
			}
			files = append(files, File{Path: p, ModTime: at(rapid.IntRange(0, 5).Draw(t, "modified"))})
		}
		o := Options{AsIs: rapid.Bool().Draw(t, "as is")}
		given := slices.Clone(files)
		plan, err := Make(files, o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(given, files); diff != "" {
			t.Fatalf("the input was changed: %s", diff)
		}
		check(t, files, o, plan)
		shuffled := rapid.Permutation(files).Draw(t, "shuffled")
		again, err := Make(shuffled, o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plan, again); diff != "" {
			t.Fatalf("another order, another plan: %s", diff)
		}
	})
}

// check holds a plan against what Make promises.
func check(t *rapid.T, files []File, o Options, plan *Plan) {
	o.Patterns, o.Location = Default(), time.UTC
	left := map[string]File{}
	for _, f := range files {
		left[f.Path] = f
	}
	models := map[string]bool{}
	runs := map[string]int{} // versions of a run
	numbers := map[string][2]int64{}
	digits := map[string]int{}
	repeated := map[string]bool{}
	seen := map[string]bool{}
	for k, v := range plan.Versions {
		if k > 0 && v.Time.Before(plan.Versions[k-1].Time) {
			t.Fatalf("version %d is older than the one before", k)
		}
		if len(v.Items) == 0 || !slices.IsSortedFunc(v.Items, func(a, b Item) int { return strings.Compare(a.Model, b.Model) }) {
			t.Fatalf("version %d: %v", k, v.Items)
		}
		for j, i := range v.Items {
			if j > 0 && v.Items[j-1].Model == i.Model {
				t.Fatalf("version %d has %q twice", k, i.Model)
			}
			if left[i.Path] != i.File {
				t.Fatalf("%q is not a file, or twice", i.Path)
			}
			delete(left, i.Path)
			if i.FromName != v.FromName || i.Source != v.Source || !i.Time.Equal(v.Time) || !i.FromName && i.Time.After(i.ModTime) {
				t.Fatalf("%+v in the version of %v, %q", i, v.Time, v.Source)
			}
			if path.Dir(i.Model) != path.Dir(i.Path) || o.AsIs && i.Model != i.Path {
				t.Fatalf("%q became %q", i.Path, i.Model)
			}
			models[i.Model] = true
			n, _ := o.name(i.File)
			if n.numbers[0] > 0 && !i.FromName {
				if last := numbers[i.Model]; slices.Compare(n.numbers[:], last[:]) < 0 {
					t.Fatalf("%q comes after %v", i.Path, last)
				}
				numbers[i.Model] = n.numbers
			}
			if n.moment.digits >= 0 {
				day := fmt.Sprint(i.Model, i.Source, n.moment.date())
				if n.moment.digits < digits[day] {
					t.Fatalf("%q comes after %06d", i.Path, digits[day])
				}
				digits[day] = n.moment.digits
			}
			run := fmt.Sprint(v.FromName, v.Source, v.Time)
			if n.moment.digits > 0 && v.Time.Truncate(24*time.Hour).Equal(v.Time) {
				run += fmt.Sprint(n.moment.digits)
			}
			if j == 0 {
				runs[run]++
			}
			repeated[run] = repeated[run] || seen[run+i.Model]
			seen[run+i.Model] = true
		}
	}
	if len(left) > 0 || len(models) != plan.Models {
		t.Fatalf("left out: %v; %d models of %d", slices.Collect(maps.Keys(left)), plan.Models, len(models))
	}
	for run, n := range runs {
		if n > 1 && !repeated[run] {
			t.Fatalf("run %s has %d versions without need", run, n)
		}
	}
}

func BenchmarkMake(b *testing.B) {
	var files []File
	for i := range 10000 {
		day := time.Date(2025, 1, 1, 0, i, 0, 0, time.UTC)
		files = append(files, File{Path: "models/Curious_child_" + day.Format("020106_1504") + "_training.json", ModTime: day})
	}
	for b.Loop() {
		if _, err := Make(files, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
