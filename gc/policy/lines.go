package policy

import (
	"encoding/binary"
	"slices"
)

// line is the history that leads to a tip.
type line struct {
	tip    int32
	class  int32
	branch string
	head   bool // tip is a branch head, not what a deleted branch left
}

// lines are all lines of a history. A class stands for all branches for which
// the branch level sets the same; a cover for the classes of all lines that
// lead through a version, or that have merged it.
type lines struct {
	list    []line
	classes []rules   // by class
	cover   []int32   // by version; 0: no line leads there; overTTL: nor would one, its branch is too old
	covers  [][]int32 // classes by cover, sorted
}

// overTTL is the cover of what deleted branches left whose ttl is over.
const overTTL = 1

func newLines(p *Policy, in *Input) *lines {
	l := &lines{covers: [][]int32{nil, {}}}
	ref := in.reference()
	ofBranch, ofRules := map[string]int32{}, map[rules]int32{}
	add := func(branch string, tip int, head bool) {
		class, ok := ofBranch[branch]
		if !ok {
			r := p.branchRules(branch)
			if class, ok = ofRules[r]; !ok {
				class = int32(len(l.classes))
				l.classes = append(l.classes, r)
				ofRules[r] = class
			}
			ofBranch[branch] = class
		}
		l.list = append(l.list, line{int32(tip), class, branch, head})
	}
	reached := make([]bool, len(in.Versions))
	for _, h := range in.Heads {
		add(h.Branch, h.Version, true)
		reached[h.Version] = true
	}
	for v := len(in.Versions) - 1; v >= 0; v-- {
		if reached[v] {
			in.Versions[v].eachParent(func(p int) { reached[p] = true })
		}
	}
	// Children stand after their parents, so that a version which nothing has
	// reached yet is a tip.
	for v := len(in.Versions) - 1; v >= 0; v-- {
		x := &in.Versions[v]
		if !reached[v] && !x.Safety && p.ttlOver(x.Branch, x.Time, ref) {
			continue // what it was made from may be of another branch, and is a tip then
		}
		if !reached[v] && !x.Safety {
			add(x.Branch, v, false)
			reached[v] = true
		}
		if reached[v] {
			x.eachParent(func(p int) { reached[p] = true })
		}
	}
	l.findCovers(in.Versions)
	for v := range in.Versions {
		if l.cover[v] == 0 && !in.Versions[v].Safety {
			l.cover[v] = overTTL
		}
	}
	return l
}

func (l *lines) findCovers(versions []Version) {
	ids := map[string]int32{"": 0}
	intern := func(classes []int32) int32 {
		var key []byte
		for _, c := range classes {
			key = binary.LittleEndian.AppendUint32(key, uint32(c))
		}
		id, ok := ids[string(key)]
		if !ok {
			id = int32(len(l.covers))
			l.covers = append(l.covers, classes)
			ids[string(key)] = id
		}
		return id
	}
	unions := map[[2]int32]int32{}
	union := func(a, b int32) int32 {
		if a == b || b == 0 {
			return a
		}
		if a == 0 {
			return b
		}
		id, ok := unions[[2]int32{a, b}]
		if !ok {
			both := slices.Concat(l.covers[a], l.covers[b])
			slices.Sort(both)
			id = intern(slices.Compact(both))
			unions[[2]int32{a, b}] = id
		}
		return id
	}
	l.cover = make([]int32, len(versions))
	for _, x := range l.list {
		l.cover[x.tip] = union(l.cover[x.tip], intern([]int32{x.class}))
	}
	for v := len(versions) - 1; v >= 0; v-- {
		versions[v].eachParent(func(p int) { l.cover[p] = union(l.cover[p], l.cover[v]) })
	}
}

// coversWith tells by cover whether a class of it satisfies ok.
func (l *lines) coversWith(ok func(*rules) bool) []bool {
	with := make([]bool, len(l.covers))
	for i, classes := range l.covers {
		with[i] = slices.ContainsFunc(classes, func(c int32) bool { return ok(&l.classes[c]) })
	}
	return with
}
