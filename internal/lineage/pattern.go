package lineage

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Years that a date may have; digits that mean another are no date.
const (
	minYear = 1990
	maxYear = 2100
)

// Pattern finds a timestamp in a base name. The zero Pattern finds none. It
// may be used concurrently.
type Pattern struct {
	layout string
	parts  []part
	length int // of what it matches, in bytes
	unix   bool
	clock  int // the offset of HHmmSS when they stand together, else -1
}

type part struct {
	field  field // literal for a character
	offset int
	size   int
	char   byte
}

type field uint8

const (
	literal field = iota
	year
	month
	day
	hour
	minute
	second
	fields
)

var fieldNames = [fields]string{year: "year (YY or YYYY)", month: "MM", day: "DD", hour: "HH", minute: "mm", second: "SS"}

// letters are the fields by their letter, and the lengths they may have.
var letters = map[byte]struct {
	field   field
	lengths []int
}{
	'Y': {year, []int{2, 4}}, 'M': {month, []int{2}}, 'D': {day, []int{2}}, 'H': {hour, []int{2}}, 'm': {minute, []int{2}}, 'S': {second, []int{2}},
}

// PatternError says what is wrong with the layout of a pattern, and where.
type PatternError struct {
	Layout string
	Pos    int // in bytes
	Text   string
}

func (e *PatternError) Error() string {
	return fmt.Sprintf("pattern %q, at character %d: %s", e.Layout, e.Pos+1, e.Text)
}

// ParsePattern reads a layout. In it stand for digits
//
//	YYYY  the year, 1990 to 2100
//	YY    the year's last two digits: 90 to 99 are 1990 to 1999, others 2000 to 2089
//	MM    the month, 01 to 12
//	DD    the day, 01 to the last of the month
//	HH    the hour, 00 to 23
//	mm    the minute, 00 to 59
//	SS    the second, 00 to 59
//
// and every other character for itself, in its case, as does one of the
// letters YMDHmS after a backslash. Fields have fixed widths and may be in any
// order, each once; none may lack the next larger one, so that DD needs MM and
// all need a year. The layout "unix" is ten digits, seconds since 1970.
//
// The error is a *PatternError.
func ParsePattern(s string) (Pattern, error) {
	p := Pattern{layout: s, clock: -1}
	if s == "unix" {
		p.unix, p.length = true, 10
		return p, nil
	}
	wrong := func(pos int, format string, args ...any) (Pattern, error) {
		return Pattern{}, &PatternError{Layout: s, Pos: pos, Text: fmt.Sprintf(format, args...)}
	}
	var at [fields]int // where a field stands in the layout, plus 1
	for i := 0; i < len(s); {
		c := s[i]
		l, ok := letters[c]
		if !ok {
			if c == '\\' {
				if i++; i == len(s) {
					return wrong(i-1, "nothing follows the backslash")
				}
				c = s[i]
			}
			if c == '/' || c == 0 {
				return wrong(i, "%q cannot be in a base name", c)
			}
			p.parts = append(p.parts, part{offset: p.length, size: 1, char: c})
			p.length++
			i++
			continue
		}
		n := len(s[i:]) - len(strings.TrimLeft(s[i:], string(c)))
		if !slices.Contains(l.lengths, n) {
			return wrong(i, `%s is no field; the fields are YYYY YY MM DD HH mm SS, and \%c is the letter`, s[i:i+n], c)
		}
		if at[l.field] > 0 {
			return wrong(i, "%s stands twice", fieldNames[l.field])
		}
		at[l.field] = i + 1
		p.parts = append(p.parts, part{field: l.field, offset: p.length, size: n})
		p.length += n
		i += n
	}
	for f := month; f < fields; f++ {
		if at[f] > 0 && at[f-1] == 0 {
			return wrong(at[f]-1, "%s without a %s", fieldNames[f], fieldNames[f-1])
		}
	}
	if at[year] == 0 {
		return wrong(len(s), "no year; a layout has YYYY or YY, as in DDMMYY_HHmm")
	}
	for i := range p.parts[:max(0, len(p.parts)-2)] {
		if p.parts[i].field == hour && p.parts[i+1].field == minute && p.parts[i+2].field == second {
			p.clock = p.parts[i].offset
		}
	}
	return p, nil
}

// String is the layout that was parsed.
func (p Pattern) String() string { return p.layout }

// defaults are parsed when they are first asked for: few programs that link this
// package import anything.
var defaults = sync.OnceValue(func() []Pattern {
	var list []Pattern
	for _, s := range []string{
		"DDMMYY_HHmm", "DDMMYY_HHmmSS",
		"YYYYMMDD_HHmmSS", "YYYYMMDD-HHmmSS", "YYYYMMDDTHHmmSS", "YYYYMMDD_HHmm",
		"YYYY-MM-DD_HH-mm-SS", "YYYY-MM-DD_HH-mm", "YYYY-MM-DDTHH-mm-SS", "YYYY-MM-DDTHH:mm:SS", "YYYY-MM-DD_HHmm",
		"YYYY-MM-DD", "YYYYMMDD",
	} {
		p, err := ParsePattern(s)
		if err != nil {
			panic(err)
		}
		list = append(list, p)
	}
	return list
})

// Default returns the patterns that are used when none are given. The slice
// is the caller's.
func Default() []Pattern { return slices.Clone(defaults()) }
