package jsondoc

import (
	"slices"
	"strings"
)

const (
	maxKeyNames = 32 // members of the first element that are looked at
	maxKeys     = 8  // and the likeliest of them, that are tried
	// MaxElements is how many elements of one array are held at once for alignment;
	// longer arrays are compared by position.
	MaxElements = 100_000
)

// Elements are the elements of one array.
type Elements []Value

// Hashes of the elements.
func (e Elements) Hashes() []uint64 {
	h := make([]uint64, len(e))
	for i := range e {
		h[i] = e[i].Hash
	}
	return h
}

// kinds of the elements, true and false being one.
func (e Elements) kinds() []uint64 {
	k := make([]uint64, len(e))
	for i := range e {
		k[i] = uint64(e[i].Kind)
		if e[i].Kind == False {
			k[i] = uint64(True)
		}
	}
	return k
}

// Elements reads the elements of an array.
func (d *Doc) Elements(v Value) (Elements, error) {
	list := make(Elements, 0, v.Count)
	for it := d.Children(v); ; {
		ok, err := it.Next()
		if !ok || err != nil {
			return list, err
		}
		list = append(list, it.Value)
	}
}

// Key is a member by which the elements of arrays are told apart.
type Key struct {
	Name string
	Hash uint64 // of the name
	// Of holds the key of each element, by array and index: the hash of its value.
	Of [][]uint64
}

// candidate is a member that might be the key.
type candidate struct {
	name string
	hash uint64
	rank int
}

// FindKey looks for a member whose values are scalars, and unique in each of the arrays:
// named id first, then *_id, uuid, name or key. One of another name counts only with
// string or number values that are all found in the others too, if shorter. In all cases
// at least half of the elements of the shorter array must have a partner. It returns nil
// when there is no such member. Empty
// arrays fit any key, if not all of them are empty. docs[i] is the document of lists[i].
func FindKey(docs []*Doc, lists []Elements) (*Key, error) {
	model := -1
	for k, list := range lists {
		if len(list) > 0 && model < 0 {
			model = k
		}
		for i := range list {
			if list[i].Kind != Object {
				return nil, nil
			}
		}
	}
	if model < 0 {
		return nil, nil
	}
	cands, err := docs[model].candidates(lists[model][0])
	if err != nil || len(cands) == 0 {
		return nil, err
	}
	of := make([][][]uint64, len(cands)) // by candidate, list, element
	for i := range of {
		of[i] = make([][]uint64, len(lists))
	}
	for k, list := range lists {
		if cands, of, err = docs[k].gather(list, k, cands, of); err != nil || len(cands) == 0 {
			return nil, err
		}
	}
	for i, c := range cands {
		if partners(of[i], c.rank) {
			return &Key{Name: c.name, Hash: c.hash, Of: of[i]}, nil
		}
	}
	return nil, nil
}

// candidates are the scalar members of an element, the likeliest first.
func (d *Doc) candidates(v Value) ([]candidate, error) {
	var cands []candidate
	for it := d.Children(v); len(cands) < maxKeyNames; {
		ok, err := it.Next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if k := it.Value.Kind; k != String && k != Number || it.Name.End-it.Name.Start > 200 {
			continue
		}
		name, err := d.Text(it.Name.Start, it.Name.End)
		if err != nil {
			return nil, err
		}
		cands = append(cands, candidate{name, it.Name.Hash, keyRank(name)})
	}
	slices.SortStableFunc(cands, func(a, b candidate) int { return a.rank - b.rank })
	return cands[:min(len(cands), maxKeys)], nil
}

const otherName = 9

func keyRank(name string) int {
	switch l := strings.ToLower(name); {
	case l == "id":
		return 0
	case strings.HasSuffix(l, "_id"):
		return 1
	case l == "uuid":
		return 2
	case l == "name":
		return 3
	case l == "key":
		return 4
	}
	return otherName
}

// gather reads the candidates' values in the elements of one list, and drops candidates
// that an element lacks or that occur twice.
func (d *Doc) gather(list Elements, k int, cands []candidate, of [][][]uint64) ([]candidate, [][][]uint64, error) {
	seen := make([]map[uint64]struct{}, len(cands))
	byName := map[uint64]int{}
	for i, c := range cands {
		seen[i] = make(map[uint64]struct{}, len(list))
		byName[c.hash] = i
		of[i][k] = make([]uint64, 0, len(list))
	}
	for n, v := range list {
		for it := d.Children(v); ; {
			ok, err := it.Next()
			if err != nil {
				return nil, nil, err
			}
			if !ok {
				break
			}
			i, ok := byName[it.Name.Hash]
			if !ok || it.Value.Kind != String && it.Value.Kind != Number {
				continue
			}
			if _, twice := seen[i][it.Value.Hash]; twice {
				continue
			}
			seen[i][it.Value.Hash] = struct{}{}
			of[i][k] = append(of[i][k], it.Value.Hash)
		}
		for i, c := range cands {
			if len(of[i][k]) != n+1 {
				delete(byName, c.hash)
			}
		}
		if len(byName) == 0 {
			return nil, nil, nil
		}
	}
	var left []candidate
	var values [][][]uint64
	for i, c := range cands {
		if len(of[i][k]) == len(list) {
			left, values = append(left, c), append(values, of[i])
		}
	}
	return left, values, nil
}

// partners tells whether enough elements of the first list are found in each other.
func partners(of [][]uint64, rank int) bool {
	set := make(map[uint64]struct{}, len(of[0]))
	for _, h := range of[0] {
		set[h] = struct{}{}
	}
	for _, list := range of[1:] {
		common := 0
		for _, h := range list {
			if _, ok := set[h]; ok {
				common++
			}
		}
		short := min(len(set), len(list))
		if rank == otherName && (common < short || short == 0) || 2*common < short {
			return false
		}
	}
	return true
}
