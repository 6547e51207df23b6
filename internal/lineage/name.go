package lineage

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// separators are what stands between the parts of a name.
const separators = " _-."

// NameError: a file whose name does not say which version of which model it
// is.
type NameError struct {
	Path  string
	Field string // what is wrong: "path" or "timestamp"
	Text  string // why, and what can be done
}

func (e *NameError) Error() string { return fmt.Sprintf("%q: %s", e.Path, e.Text) }

// named is a file and what its name says.
type named struct {
	Item
	moment  moment // when FromName
	ordinal int    // six digits in place of a time of day, plus 1; else 0
	// The counter at the end, and that of an epoch before it first; plus 1, so
	// that 0 is none.
	numbers [2]int64
}

func (o *Options) name(f File) (named, error) {
	dir, base := path.Split(f.Path)
	if base == "" {
		return named{}, &NameError{Path: f.Path, Field: "path", Text: "names no file"}
	}
	n := named{Item: Item{File: f, Model: f.Path, Time: f.ModTime}}
	stem, ext := splitExt(base)
	if stem == "" {
		stem, ext = base, ""
	}
	stamps := find(base, o.Patterns)
	if len(stamps) > 1 && !o.AsIs {
		var texts []string
		for _, s := range stamps {
			texts = append(texts, fmt.Sprintf("%q", base[s.start:s.end]))
		}
		last := len(texts) - 1
		return named{}, &NameError{Path: f.Path, Field: "timestamp", Text: fmt.Sprintf(
			"more than one timestamp, %s and %s: give --pattern, or --as-is",
			strings.Join(texts[:last], ", "), texts[last])}
	}
	if len(stamps) == 1 {
		s := stamps[0]
		n.FromName, n.moment, n.Time = true, s.moment, s.time(o.Location)
		n.Source = strings.TrimRight(base[:s.start], separators)
		if !o.AsIs {
			stem, ext = join(base[:s.start], base[s.end:])
		}
	}
	if !o.AsIs {
		stem, n.numbers = cutCounter(stem)
		n.Model = dir + stem + ext
	}
	n.Stem = stem
	return n, nil
}

// stamp is a timestamp and where it stands in a base name.
type stamp struct {
	moment
	start, end int
}

// find returns the timestamps of a base name from left to right. Of those
// that overlap it takes the longest, then the first, then the one whose
// pattern comes first.
func find(base string, patterns []Pattern) []stamp {
	var found []stamp
	for start := range len(base) {
		for i := range patterns {
			m, ok := patterns[i].match(base[start:])
			if !ok {
				continue
			}
			if s := (stamp{m, start, start + patterns[i].length}); s.alone(base) {
				found = append(found, s)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b stamp) int { return (b.end - b.start) - (a.end - a.start) })
	var taken []stamp
	for _, s := range found {
		if !slices.ContainsFunc(taken, func(t stamp) bool { return s.start < t.end && t.start < s.end }) {
			taken = append(taken, s)
		}
	}
	slices.SortFunc(taken, func(a, b stamp) int { return a.start - b.start })
	return taken
}

var stepWord = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?is)^(?:.*[ _.-])?(?:step|epoch|iter)[_.=-]?$`)
})

// alone tells whether the stamp is no part of a longer number, and no count
// of steps that looks like a date.
func (s *stamp) alone(base string) bool {
	text, before, after := base[s.start:s.end], base[:s.start], base[s.end:]
	if before != "" && isDigit(before[len(before)-1]) && isDigit(text[0]) ||
		after != "" && isDigit(after[0]) && isDigit(text[len(text)-1]) {
		return false
	}
	_, digits := number(text)
	return !digits || !stepWord().MatchString(before)
}

// join is a base name from which the timestamp between the two parts is
// removed; of the separators around it one is left, or none at either end.
func join(before, after string) (stem, ext string) {
	after, ext = splitExt(after)
	left, right := strings.TrimRight(before, separators), strings.TrimLeft(after, separators)
	switch {
	case left == "" || right == "":
		stem = left + right
	case len(right) < len(after):
		stem = left + after[:1] + right
	case len(left) < len(before):
		stem = left + before[len(left):len(left)+1] + right
	default:
		stem = left + right
	}
	if stem == "" {
		return "model", ext
	}
	// A timestamp behind the extension, as in model.json.20251113.
	if ext == "" {
		if s, e := splitExt(stem); s != "" {
			return s, e
		}
	}
	return stem, ext
}

var compressed = []string{".gz", ".bz2", ".xz", ".zst", ".lz4", ".br", ".z"}

// splitExt cuts the extension off, with that of the compressed file before
// it, as in .tar.gz. Digits alone are none, nor is a counter.
func splitExt(name string) (stem, ext string) {
	stem, ext = splitLast(name)
	if slices.Contains(compressed, strings.ToLower(ext)) {
		s, e := splitLast(stem)
		return s, e + ext
	}
	return stem, ext
}

func splitLast(name string) (stem, ext string) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 || len(name)-i < 2 || len(name)-i > 16 {
		return name, ""
	}
	ext = name[i+1:]
	letters := 0
	for j := range len(ext) {
		c := ext[j] | 0x20
		switch {
		case 'a' <= c && c <= 'z':
			letters++
		case !isDigit(ext[j]):
			return name, ""
		}
	}
	if letters == 0 || counter().MatchString(ext) {
		return name, ""
	}
	return name[:i], name[i:]
}

var counter = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?is)^((?:.*[ _.-])?)(step|epoch|ckpt|checkpoint|iter|save|v|version|rev)[_.=-]?([0-9]{1,18})$`)
})

// cutCounter removes a counter at the end of a stem. The word stays when
// nothing else would be left.
func cutCounter(stem string) (rest string, numbers [2]int64) {
	m := counter().FindStringSubmatch(stem)
	if m == nil {
		return stem, numbers
	}
	before, word := m[1], m[2]
	n, _ := number(m[3])
	numbers[0] = n + 1
	if e := counter().FindStringSubmatch(strings.TrimRight(before, separators)); e != nil && (strings.EqualFold(word, "step") || strings.EqualFold(word, "iter")) && strings.EqualFold(e[2], "epoch") {
		before, word = e[1], e[2]
		n, _ := number(e[3])
		numbers = [2]int64{n + 1, numbers[0]}
	}
	if rest = strings.TrimRight(before, separators); rest == "" {
		rest = before + word
	}
	return rest, numbers
}
