package gitinfo

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// The content of a cache is
//
//	"gitinfo 1\n"
//	root, commit        each a length and that many bytes
//	index               20 bytes, the index's checksum
//	verdict             0 unknown, 1 nothing is staged, 2 something is
//	count, then per file, in order of names:
//	  name              a length and that many bytes
//	  size mtime ctime inode
//	  raw lf            20 bytes each
//	sha1                of all that
//
// with numbers as unsigned varints. Anything that is not exactly this is as
// good as nothing.
const memoryMagic = "gitinfo 1\n"

const (
	maxFacts  = 1 << 16
	maxMemory = 64 << 20
)

// memory is what earlier calls learnt, and what this one adds. Its facts hold
// whatever the index and the commit are; the verdict holds for the commit and
// the index that it names.
type memory struct {
	root     string
	commit   string
	index    plumbing.Hash
	verdict  byte
	old, new map[string]fact // by name
	complete bool            // every file was looked at: what is in new is all that is in use
	loaded   []byte
}

func loadMemory(c Cache, root string) *memory {
	m := &memory{root: root, new: map[string]fact{}}
	if c == nil {
		return m
	}
	if b := c.Load(); len(b) <= maxMemory {
		if d, ok := decodeMemory(b); ok && d.root == root {
			d.new, d.loaded = m.new, b
			return d
		}
	}
	return m
}

// staged returns the remembered result of comparing an index with a commit.
func (m *memory) staged(commit string, sum plumbing.Hash) (staged, known bool) {
	return m.verdict == 2, m.verdict != 0 && commit != "" && m.commit == commit && m.index == sum
}

func (m *memory) setStaged(commit string, sum plumbing.Hash, staged bool) {
	m.commit, m.index, m.verdict = commit, sum, 1
	if staged {
		m.verdict = 2
	}
}

// recall returns the fact about a file that has not changed since.
func (m *memory) recall(name string, s stamp) (fact, bool) {
	f, ok := m.old[name]
	if !ok || f.stamp != s {
		return fact{}, false
	}
	m.new[name] = f
	return f, true
}

func (m *memory) learn(name string, f fact) { m.new[name] = f }

// save hands the cache what is worth keeping, if that changed. A call that
// stopped early does not know which of the old facts are still in use, and
// keeps those of files in the index.
func (m *memory) save(c Cache, ix *indexFile) {
	if c == nil {
		return
	}
	if !m.complete {
		for name, f := range m.old {
			if _, ok := m.new[name]; !ok && hasEntry(ix.entries, name) {
				m.new[name] = f
			}
		}
	}
	if b := m.encode(); !bytes.Equal(b, m.loaded) {
		c.Save(b)
	}
}

func hasEntry(entries []*index.Entry, name string) bool {
	i := sort.Search(len(entries), func(i int) bool { return entries[i].Name >= name })
	return i < len(entries) && entries[i].Name == name
}

func (m *memory) encode() []byte {
	names := make([]string, 0, len(m.new))
	for name := range m.new {
		names = append(names, name)
	}
	sort.Strings(names)
	names = names[:min(len(names), maxFacts)]

	b := []byte(memoryMagic)
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	text(m.root)
	text(m.commit)
	b = append(b, m.index[:]...)
	b = append(b, m.verdict)
	b = binary.AppendUvarint(b, uint64(len(names)))
	for _, name := range names {
		f := m.new[name]
		text(name)
		for _, n := range []uint64{uint64(f.stamp.size), uint64(f.stamp.mtime), uint64(f.stamp.ctime), f.stamp.ino} {
			b = binary.AppendUvarint(b, n)
		}
		b = append(append(b, f.raw[:]...), f.lf[:]...)
	}
	sum := sha1.Sum(b)
	return append(b, sum[:]...)
}

func decodeMemory(b []byte) (*memory, bool) {
	at := len(b) - sha1.Size
	if at < 0 {
		return nil, false
	}
	if sum := sha1.Sum(b[:at]); !bytes.Equal(sum[:], b[at:]) {
		return nil, false
	}
	d := decoder{b: b[:at]}
	if string(d.take(len(memoryMagic))) != memoryMagic {
		return nil, false
	}
	m := &memory{root: d.text(), commit: d.text(), index: d.hash()}
	if v := d.take(1); v != nil {
		m.verdict = v[0]
	}
	n := d.number()
	if d.failed || m.verdict > 2 || n > maxFacts {
		return nil, false
	}
	m.old = make(map[string]fact, min(n, 1024))
	for range n {
		name := d.text()
		s := stamp{size: int64(d.number()), mtime: int64(d.number()), ctime: int64(d.number()), ino: d.number()}
		m.old[name] = fact{stamp: s, raw: d.hash(), lf: d.hash()}
		if d.failed {
			return nil, false
		}
	}
	return m, len(d.b) == 0
}

// decoder takes values off b; after a failure all are zero.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) take(n int) []byte {
	if d.failed || n > len(d.b) {
		d.failed = true
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.failed = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() string {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.failed = true
		return ""
	}
	return string(d.take(int(n)))
}

func (d *decoder) hash() (h plumbing.Hash) {
	copy(h[:], d.take(len(h)))
	return h
}
