package policy

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// rank orders reasons: those of rules as the rules, then these.
type rank uint8

const (
	rankFuture rank = rank(numRules) + iota
	rankNoPolicy
	rankPin
	rankHead
)

const (
	futureText   = "from the future"
	ttlText      = "older than the ttl of its branch"
	noPolicyText = "no policy"
)

type reason struct {
	rank rank
	text string
}

// reasonTable gives reasons numbers and builds each distinct set of texts once,
// so that a million items share a few slices.
type reasonTable struct {
	list  []reason
	ids   map[reason]int32
	masks map[uint64][]string
	sets  map[string][]string
	key   []byte
}

// maskBits is the number of reasons that fit a mask: the first ones.
const maskBits = 64

func newReasonTable() *reasonTable {
	return &reasonTable{ids: map[reason]int32{}, masks: map[uint64][]string{}, sets: map[string][]string{}}
}

func (t *reasonTable) id(rank rank, text string) int32 {
	r := reason{rank, text}
	id, ok := t.ids[r]
	if !ok {
		id = int32(len(t.list))
		t.list = append(t.list, r)
		t.ids[r] = id
	}
	return id
}

// ofMask returns the texts of the reasons whose bits are set.
func (t *reasonTable) ofMask(mask uint64) []string {
	texts, ok := t.masks[mask]
	if !ok {
		texts = t.build(maskIDs(nil, mask))
		t.masks[mask] = texts
	}
	return texts
}

// of returns the texts of reasons, which stand in ascending order.
func (t *reasonTable) of(ids []int32) []string {
	t.key = t.key[:0]
	for _, id := range ids {
		t.key = binary.LittleEndian.AppendUint32(t.key, uint32(id))
	}
	texts, ok := t.sets[string(t.key)]
	if !ok {
		texts = t.build(ids)
		t.sets[string(t.key)] = texts
	}
	return texts
}

func (t *reasonTable) build(ids []int32) []string {
	list := make([]reason, 0, len(ids))
	for _, id := range ids {
		list = append(list, t.list[id])
	}
	slices.SortFunc(list, func(a, b reason) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.text, b.text))
	})
	texts := make([]string, 0, len(list))
	seen := make(map[string]bool, len(list)) // a pin may say what a rule says
	for _, r := range list {
		if !seen[r.text] {
			seen[r.text] = true
			texts = append(texts, r.text)
		}
	}
	return texts
}

func maskIDs(ids []int32, mask uint64) []int32 {
	for id := int32(0); mask != 0; id, mask = id+1, mask>>1 {
		if mask&1 != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}
