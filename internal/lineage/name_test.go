package lineage

import (
	"errors"
	"testing"
	"time"
)

var modified = time.Date(2025, 12, 24, 18, 0, 0, 500, time.UTC)

// in is what the tests know of a name: the model, the source, and the time if
// it is from the name.
type in struct{ model, source, time string }

func read(t *testing.T, o Options, path string) (in, named) {
	t.Helper()
	p, err := Make([]File{{Path: path, ModTime: modified}}, o)
	if err != nil {
		t.Errorf("%q: %v", path, err)
		return in{}, named{}
	}
	if o.Patterns == nil {
		o.Patterns = Default()
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	n, _ := o.name(File{Path: path})
	i := p.Versions[0].Items[0]
	got := in{model: i.Model, source: i.Source}
	switch {
	case i.FromName:
		got.time = i.Time.Format("2006-01-02 15:04:05")
	case !i.Time.Equal(modified):
		t.Errorf("%q: time %v, not that of modification", path, i.Time)
	}
	return got, n
}

func TestNames(t *testing.T) {
	for path, want := range map[string]in{
		// the first users' naming
		"Itzama_061125_1747_training.json":                      {"Itzama_training.json", "Itzama", "2025-11-06 17:47:00"},
		"Itzama_071125_0930_training.json":                      {"Itzama_training.json", "Itzama", "2025-11-07 09:30:00"},
		"Curious_child_091125_2009_training_rhythm_oracle.json": {"Curious_child_training_rhythm_oracle.json", "Curious_child", "2025-11-09 20:09:00"},
		"a/b/Itzama_061125_1747_training.json":                  {"a/b/Itzama_training.json", "Itzama", "2025-11-06 17:47:00"},
		"curious_child_correlation_final.json":                  {model: "curious_child_correlation_final.json"},
		"061125_1747/training.json":                             {model: "061125_1747/training.json"},
		"audio_oracle_20250808_063985.json":                     {"audio_oracle.json", "audio_oracle", "2025-08-08 00:00:00"},
		"audio_oracle_20250808_063945.json":                     {"audio_oracle.json", "audio_oracle", "2025-08-08 06:39:45"},
		"audio_oracle_080825_996399.json":                       {"audio_oracle.json", "audio_oracle", "2025-08-08 00:00:00"},
		// the other patterns
		"A_061125_174733_x.json":     {"A_x.json", "A", "2025-11-06 17:47:33"},
		"A_20251106-174733.json":     {"A.json", "A", "2025-11-06 17:47:33"},
		"A_20251106T174733.json":     {"A.json", "A", "2025-11-06 17:47:33"},
		"A_20251106_1747.json":       {"A.json", "A", "2025-11-06 17:47:00"},
		"A_2025-11-06_17-47-33.json": {"A.json", "A", "2025-11-06 17:47:33"},
		"A_2025-11-06T17-47-33.json": {"A.json", "A", "2025-11-06 17:47:33"},
		"A-2025-11-06T17:47:33.json": {"A.json", "A", "2025-11-06 17:47:33"},
		"A.2025-11-06_1747.json":     {"A.json", "A", "2025-11-06 17:47:00"},
		"A-2025-11-06-b.json":        {"A-b.json", "A", "2025-11-06 00:00:00"},
		"model_20250101.json":        {"model.json", "model", "2025-01-01 00:00:00"},
		"m_19900101.json":            {"m.json", "m", "1990-01-01 00:00:00"},
		"m_21001231.json":            {"m.json", "m", "2100-12-31 00:00:00"},
		"m_20240229.json":            {"m.json", "m", "2024-02-29 00:00:00"},
		"m_010190_0000.json":         {"m.json", "m", "1990-01-01 00:00:00"},
		"m_311289_2359.json":         {"m.json", "m", "2089-12-31 23:59:00"},
		// what is left of the name
		"061125_1747_training.json":  {"training.json", "", "2025-11-06 17:47:00"},
		"d/20250101.json":            {"d/model.json", "", "2025-01-01 00:00:00"},
		"20250101":                   {"model", "", "2025-01-01 00:00:00"},
		"20250101.tar.gz":            {"model.tar.gz", "", "2025-01-01 00:00:00"},
		"_20250101_.json":            {"model.json", "", "2025-01-01 00:00:00"},
		"A__20250101__b.json.gz":     {"A_b.json.gz", "A", "2025-01-01 00:00:00"},
		"A_20250101b.json":           {"A_b.json", "A", "2025-01-01 00:00:00"},
		"A20250101b.json":            {"Ab.json", "A", "2025-01-01 00:00:00"},
		"A 20250101 b.json":          {"A b.json", "A", "2025-01-01 00:00:00"},
		"A_20250101_.json":           {"A.json", "A", "2025-01-01 00:00:00"},
		"A_20250101.v2.json":         {"A.json", "A", "2025-01-01 00:00:00"},
		"model.json.20250101":        {"model.json", "model.json", "2025-01-01 00:00:00"},
		"model.20250101":             {"model", "model", "2025-01-01 00:00:00"},
		"model.20250101.json":        {"model.json", "model", "2025-01-01 00:00:00"},
		".20250101.json":             {"model.json", "", "2025-01-01 00:00:00"},
		".hidden_20250101.json":      {".hidden.json", ".hidden", "2025-01-01 00:00:00"},
		"...20250101..":              {"model", "", "2025-01-01 00:00:00"},
		"Ä\xff_20250101_ö.json":      {"Ä\xff_ö.json", "Ä\xff", "2025-01-01 00:00:00"},
		"A_20250101_0930.weights.h5": {"A.weights.h5", "A", "2025-01-01 09:30:00"},
		// no timestamps
		"m_20250229.json":     {model: "m_20250229.json"},
		"m_19891231.json":     {model: "m_19891231.json"},
		"m_21010101.json":     {model: "m_21010101.json"},
		"m_20251301.json":     {model: "m_20251301.json"},
		"m_120250101.json":    {model: "m_120250101.json"},
		"m_202501011.json":    {model: "m_202501011.json"},
		"m_1061125_1747.json": {model: "m_1061125_1747.json"},
		"m_061125_17475.json": {model: "m_061125_17475.json"},
		"m_061125_2547.json":  {model: "m_061125_2547.json"},
		"m_1762451234.json":   {model: "m_1762451234.json"},
		".json":               {model: ".json"},
		"MODEL.json":          {model: "MODEL.json"},
		// counters
		"step_1000.safetensors":            {model: "step.safetensors"},
		"epoch-12.pt":                      {model: "epoch.pt"},
		"ckpt_0001.npz":                    {model: "ckpt.npz"},
		"model.v3.json":                    {model: "model.json"},
		"model.v3":                         {model: "model"},
		"model.v3.tar.gz":                  {model: "model.tar.gz"},
		"model.v3.gz":                      {model: "model.gz"},
		"run_Epoch12.pt":                   {model: "run.pt"},
		"run_ITER-5.pt":                    {model: "run.pt"},
		"x/checkpoint.500.bin":             {model: "x/checkpoint.bin"},
		"m_version2.json":                  {model: "m.json"},
		"m_rev_7.json":                     {model: "m.json"},
		"m-save7.json":                     {model: "m.json"},
		"epoch=3-step=1000.ckpt":           {model: "epoch.ckpt"},
		"run_epoch=3-step=1000.ckpt":       {model: "run.ckpt"},
		"checkpoint_20250101.pt":           {"checkpoint.pt", "checkpoint", "2025-01-01 00:00:00"},
		"step_20250101.pt":                 {model: "step.pt"},
		"run_20250101_epoch_12.pt":         {"run.pt", "run", "2025-01-01 00:00:00"},
		"20250101_v2.json":                 {"v.json", "", "2025-01-01 00:00:00"},
		"arbiter3.json":                    {model: "arbiter3.json"},
		"conv3.json":                       {model: "conv3.json"},
		"model_3.json":                     {model: "model_3.json"},
		"model_v1.2.json":                  {model: "model_v1.2.json"},
		"step_1000_final.pt":               {model: "step_1000_final.pt"},
		"step_1234567890123456789.pt":      {model: "step_1234567890123456789.pt"},
		"m_v2_epoch_10.pt":                 {model: "m_v2.pt"},
		"checkpoint-500/model.safetensors": {model: "checkpoint-500/model.safetensors"},
	} {
		if got, _ := read(t, Options{}, path); got != want {
			t.Errorf("%q: %+v; want %+v", path, got, want)
		}
		if got, _ := read(t, Options{AsIs: true}, path); got.model != path || got.source != want.source || got.time != want.time {
			t.Errorf("%q as it is: %+v; want source and time of %+v", path, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for path, want := range map[string][2]int64{
		"step_0.pt": {1, 0}, "step_1000.pt": {1001, 0}, "step_001000.pt": {1001, 0},
		"epoch=3-step=1000.pt": {4, 1001}, "epoch_3.step_7.pt": {4, 8}, "m_epoch3_v7.pt": {8, 0},
		"m_v999999999999999999.json": {1e18, 0}, "m.json": {}, "A_20250101_v2.json": {3, 0},
	} {
		if _, n := read(t, Options{}, path); n.numbers != want {
			t.Errorf("%q: numbers %v; want %v", path, n.numbers, want)
		}
	}
}

func TestStems(t *testing.T) {
	for path, want := range map[string]string{
		"a/Itzama_061125_1747_training.json.gz": "Itzama_training", "model.v3.json": "model", "20250101.json": "model",
		".hidden": ".hidden", "a.b.c": "a.b", "m.12": "m.12", "m.part-1": "m.part-1",
	} {
		if _, n := read(t, Options{}, path); n.Stem != want {
			t.Errorf("%q: stem %q; want %q", path, n.Stem, want)
		}
	}
	if _, n := read(t, Options{AsIs: true}, "A_20250101_v3.tar.gz"); n.Stem != "A_20250101_v3" {
		t.Errorf("stem of a name as it is: %q", n.Stem)
	}
}

func TestNameErrors(t *testing.T) {
	for path, want := range map[string]NameError{
		"d/A_061125_1747_B_071125_0930.json": {Field: "timestamp", Text: `more than one timestamp, "061125_1747" and "071125_0930": give --pattern, or --as-is`},
		"20250101_20250102_20250103":         {Field: "timestamp", Text: `more than one timestamp, "20250101", "20250102" and "20250103": give --pattern, or --as-is`},
		"":                                   {Field: "path", Text: "names no file"},
		"a/":                                 {Field: "path", Text: "names no file"},
	} {
		want.Path = path
		_, err := Make([]File{{Path: "z_20250101_20250102"}, {Path: path}}, Options{})
		var e *NameError
		if !errors.As(err, &e) || *e != want {
			t.Errorf("%q: %v; want %v", path, err, &want)
		}
	}
	_, err := Make([]File{{Path: "a"}, {Path: "b"}, {Path: "a"}}, Options{})
	if err == nil || err.Error() != `"a": is given twice` {
		t.Errorf("a path given twice: %v", err)
	}
	// The ways out.
	const two = "A_061125_1747_B_20250101.json"
	if got, _ := read(t, Options{AsIs: true}, two); got != (in{model: two}) {
		t.Errorf("as it is: %+v", got)
	}
	if got, _ := read(t, Options{Patterns: parse(t, "YYYYMMDD")}, two); got != (in{"A_061125_1747_B.json", "A_061125_1747_B", "2025-01-01 00:00:00"}) {
		t.Errorf("with a pattern: %+v", got)
	}
}

func parse(t *testing.T, layouts ...string) []Pattern {
	t.Helper()
	var list []Pattern
	for _, s := range layouts {
		p, err := ParsePattern(s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

func TestGivenPatterns(t *testing.T) {
	for _, c := range []struct {
		layouts []string
		path    string
		want    in
	}{
		{[]string{"DDMMYY", "YYMMDD"}, "m_111225.json", in{"m.json", "m", "2025-12-11 00:00:00"}},
		{[]string{"YYMMDD", "DDMMYY"}, "m_111225.json", in{"m.json", "m", "2011-12-25 00:00:00"}},
		{[]string{"DDMMYY", "YYMMDD"}, "m_351231.json", in{"m.json", "m", "2035-12-31 00:00:00"}},
		{[]string{"unix"}, "m_1762451234.json", in{"m.json", "m", "2025-11-06 17:47:14"}},
		{[]string{"unix"}, "m_17624512345.json", in{model: "m_17624512345.json"}},
		{[]string{"unix"}, "m_9999999999.json", in{model: "m_9999999999.json"}},
		{[]string{"unix"}, "step_1762451234.json", in{model: "step.json"}},
		{[]string{"YYYY-MM"}, "m_2025-11.json", in{"m.json", "m", "2025-11-01 00:00:00"}},
		{[]string{"YYYY"}, "m_2025-11.json", in{"m-11.json", "m", "2025-01-01 00:00:00"}},
		{[]string{"HHmm-DDMMYYYY"}, "m_1747-06112025.json", in{"m.json", "m", "2025-11-06 17:47:00"}},
		{[]string{`ru\n-YYYYMMDD`}, "a_run-20250101_b.json", in{"a_b.json", "a", "2025-01-01 00:00:00"}},
		{[]string{`\SYYYYMMDD`}, "a_S20250101_b.json", in{"a_b.json", "a", "2025-01-01 00:00:00"}},
		{[]string{`\SYYYYMMDD`}, "a_s20250101_b.json", in{model: "a_s20250101_b.json"}},
		{[]string{"YYYYMMDDHHmmSS"}, "a_20250101236060.json", in{"a.json", "a", "2025-01-01 00:00:00"}},
		{[]string{"YYYYMMDD_HH-mm-SS"}, "a_20250101_23-60-60.json", in{model: "a_20250101_23-60-60.json"}},
		{[]string{"1YYYYMMDD"}, "a_120250101.json", in{"a.json", "a", "2025-01-01 00:00:00"}},
		{[]string{"1YYYYMMDD"}, "a_1120250101.json", in{model: "a_1120250101.json"}},
	} {
		if got, _ := read(t, Options{Patterns: parse(t, c.layouts...)}, c.path); got != c.want {
			t.Errorf("%q with %q: %+v; want %+v", c.path, c.layouts, got, c.want)
		}
	}
}

func TestLocation(t *testing.T) {
	loc := time.FixedZone("there", 3600)
	for layout, want := range map[string]time.Time{
		"YYYYMMDDHHmmSS": time.Date(2025, 1, 1, 11, 0, 0, 0, time.UTC),
		"unix":           time.Date(2025, 11, 6, 17, 47, 14, 0, time.UTC),
	} {
		name := map[string]string{"YYYYMMDDHHmmSS": "20250101120000", "unix": "1762451234"}[layout]
		p, err := Make([]File{{Path: name}}, Options{Patterns: parse(t, layout), Location: loc})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Versions[0].Time; !got.Equal(want) || got.Location() != loc {
			t.Errorf("%s: %v; want %v", layout, got, want)
		}
	}
}
