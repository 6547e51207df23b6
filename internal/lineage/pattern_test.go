package lineage

import (
	"errors"
	"strings"
	"testing"
)

func TestParsePatternErrors(t *testing.T) {
	for s, want := range map[string]PatternError{
		"":                      {Pos: 0, Text: "no year; a layout has YYYY or YY, as in DDMMYY_HHmm"},
		"abc":                   {Pos: 3, Text: "no year; a layout has YYYY or YY, as in DDMMYY_HHmm"},
		"yyyy":                  {Pos: 4, Text: "no year; a layout has YYYY or YY, as in DDMMYY_HHmm"},
		"YYY":                   {Pos: 0, Text: `YYY is no field; the fields are YYYY YY MM DD HH mm SS, and \Y is the letter`},
		"YYYYYY":                {Pos: 0, Text: `YYYYYY is no field; the fields are YYYY YY MM DD HH mm SS, and \Y is the letter`},
		strings.Repeat("Y", 24): {Pos: 0, Text: strings.Repeat("Y", 24) + ` is no field; the fields are YYYY YY MM DD HH mm SS, and \Y is the letter`},
		"YYYY-M":                {Pos: 5, Text: `M is no field; the fields are YYYY YY MM DD HH mm SS, and \M is the letter`},
		"model_YYYY":            {Pos: 0, Text: `m is no field; the fields are YYYY YY MM DD HH mm SS, and \m is the letter`},
		"YYYYMMDD_MM":           {Pos: 9, Text: "MM stands twice"},
		"YYYY_YY":               {Pos: 5, Text: "year (YY or YYYY) stands twice"},
		"YYYYDD":                {Pos: 4, Text: "DD without a MM"},
		"MMDD":                  {Pos: 0, Text: "MM without a year (YY or YYYY)"},
		"YYYYMMDD_HHSS":         {Pos: 11, Text: "SS without a mm"},
		"YYYYMMDD_mm":           {Pos: 9, Text: "mm without a HH"},
		"YYYY/MM/DD":            {Pos: 4, Text: `'/' cannot be in a base name`},
		`YYYY\/`:                {Pos: 5, Text: `'/' cannot be in a base name`},
		`YYYY\`:                 {Pos: 4, Text: "nothing follows the backslash"},
		"YYYY\x00":              {Pos: 4, Text: `'\x00' cannot be in a base name`},
		"DDMMYY_HHmmSSmm":       {Pos: 13, Text: "mm stands twice"},
	} {
		want.Layout = s
		p, err := ParsePattern(s)
		var e *PatternError
		if !errors.As(err, &e) || *e != want {
			t.Errorf("%q: %v; want %v", s, err, &want)
		}
		if p.length != 0 {
			t.Errorf("%q: a pattern beside an error", s)
		}
	}
}

func TestDefault(t *testing.T) {
	const want = "DDMMYY_HHmm DDMMYY_HHmmSS YYYYMMDD_HHmmSS YYYYMMDD-HHmmSS YYYYMMDDTHHmmSS YYYYMMDD_HHmm " +
		"YYYY-MM-DD_HH-mm-SS YYYY-MM-DD_HH-mm YYYY-MM-DDTHH-mm-SS YYYY-MM-DDTHH:mm:SS YYYY-MM-DD_HHmm YYYY-MM-DD YYYYMMDD"
	list := Default()
	var got []string
	for _, p := range list {
		got = append(got, p.String())
	}
	if s := strings.Join(got, " "); s != want {
		t.Errorf("defaults %s", s)
	}
	list[0] = Pattern{}
	if Default()[0].String() == "" {
		t.Error("Default gave its own slice")
	}
	if _, ok := (&Pattern{}).match("20250101"); ok {
		t.Error("the zero Pattern matches")
	}
}

// write is the text in which a pattern must find 2009-09-09 09:09:09.
func write(p Pattern) string {
	if p.unix {
		return "1252487349"
	}
	var b strings.Builder
	for _, part := range p.parts {
		switch {
		case part.field == literal:
			b.WriteByte(part.char)
		case part.size == 4:
			b.WriteString("2009")
		default:
			b.WriteString("09")
		}
	}
	return b.String()
}

func FuzzParsePattern(f *testing.F) {
	for _, p := range Default() {
		f.Add(p.String(), "x_"+write(p)+".json")
	}
	f.Add("unix", "1252487349")
	f.Add(`\SYYYYMM DD`, "S200909 99")
	f.Add("SSmmHHDDMMYY", "999999090909")
	f.Add("YYYY/", "")
	f.Fuzz(func(t *testing.T, layout, name string) {
		p, err := ParsePattern(layout)
		if err != nil {
			var e *PatternError
			if !errors.As(err, &e) || e.Pos < 0 || e.Pos > len(layout) || e.Layout != layout {
				t.Fatalf("%q: %v", layout, err)
			}
			return
		}
		if p.String() != layout {
			t.Fatalf("%q became %q", layout, p.String())
		}
		m, ok := p.match(write(p))
		if !ok || m.ordinal || !p.unix && m.value[year] != 2009 || p.unix && m.unix != 1252487349 {
			t.Fatalf("%q does not read %q: %+v", layout, write(p), m)
		}
		if name == "" || len(name) > 300 || strings.Contains(name, "/") {
			return
		}
		end := 0
		for _, s := range find(name, []Pattern{p}) {
			if s.start < end || s.end > len(name) {
				t.Fatalf("%q in %q: %+v", layout, name, s)
			}
			end = s.end
		}
		plan, err := Make([]File{{Path: "d/" + name}}, Options{Patterns: []Pattern{p}})
		if err != nil {
			return
		}
		model, ok := strings.CutPrefix(plan.Versions[0].Items[0].Model, "d/")
		if !ok || model == "" || model == "." && name != "." || model == ".." && name != ".." || strings.Contains(model, "/") {
			t.Fatalf("%q in %q: model %q", layout, name, model)
		}
	})
}
