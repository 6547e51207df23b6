package main

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestParseValue(t *testing.T) {
	for in, want := range map[string]any{
		"0": int64(0), "-1": int64(-1), "9223372036854775807": int64(9223372036854775807),
		"9223372036854775808": float64(9223372036854775808), "1.0": 1.0, "1e3": 1000.0, "-0.5E-1": -0.05,
		"": "", "-": "-", "01": "01", "-01": "-01", "1.": "1.", ".1": ".1", "1e": "1e", "1e+": "1e+",
		"+1": "+1", " 1": " 1", "0x1": "0x1", "1_000": "1_000", "NaN": "NaN", "Inf": "Inf", "true": true,
		"false": false, "True": "True", "٣": "٣",
	} {
		if got, err := parseValue(in); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("parseValue(%q) = %#v, %v; want %#v", in, got, err, want)
		}
	}
	if _, err := parseValue("1e999"); err == nil {
		t.Error("1e999 is out of range")
	}
}

func FuzzIsJSONNumber(f *testing.F) {
	for _, s := range []string{"0", "-1.5e+3", "01", "1e", ".5", "-", "1.", "0.0E0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var n json.Number
		want := len(s) > 0 && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && s[len(s)-1] > ' ' &&
			json.Unmarshal([]byte(s), &n) == nil
		if got := isJSONNumber(s); got != want {
			t.Errorf("isJSONNumber(%q) = %v", s, got)
		}
	})
}
