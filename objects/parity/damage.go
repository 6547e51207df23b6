package parity

import (
	"context"
)

// Damage is what a look at the files of a group has found.
type Damage struct {
	// Files are those that are not what they should be, by ascending keys.
	Files []FileDamage
	// Shards is the number of data shards that are damaged, Parity the number
	// of parity shards that are intact, of ParityShards.
	Shards, Parity, ParityShards int
}

// Repairable tells whether all damaged files can be rebuilt.
func (d Damage) Repairable() bool { return d.Shards <= d.Parity }

// FileDamage is what is wrong with a file.
type FileDamage struct {
	Key     string
	Size    int64 // that it should have
	Found   int64 // size that it has; -1: unknown
	Missing bool
	// Ranges are where its bytes are wrong or cannot be read, in ascending
	// order and not adjoining, to the granularity of shards. None: it is
	// missing but of no bytes, or there are bytes after its end, or only its
	// size could not be found out.
	Ranges []Range
	// Err is the first error of the backend in reading it, unless that is just
	// that the file or part of it is not there.
	Err error
}

// Range is a range of bytes of a file.
type Range struct{ Off, Len int64 }

// Damage reads all files of the group and the parity, and tells what is not as
// it should be. Files that are missing, too short, too long or partly
// unreadable count as damaged as far as they are; the only errors are those of
// ctx.
func (g *Group) Damage(ctx context.Context) (Damage, error) {
	l, err := g.lookAt(ctx)
	if err != nil {
		return Damage{}, err
	}
	g.seen = l
	d := Damage{Shards: l.badData(), Parity: g.m - l.badParity(), ParityShards: g.m}
	for i, f := range g.files {
		s := l.files[i]
		ranges := g.badRanges(l, i)
		if s.missing || s.size != f.Size || ranges != nil {
			d.Files = append(d.Files, FileDamage{f.Key, f.Size, s.size, s.missing, ranges, s.err})
		}
	}
	return d, nil
}

func (g *Group) badRanges(l *look, file int) (ranges []Range) {
	for j := g.file[file]; j < g.file[file+1]; j++ {
		if !l.seg[j] {
			continue
		}
		s := &g.segs[j]
		if n := len(ranges); n > 0 && ranges[n-1].Off+ranges[n-1].Len == s.off {
			ranges[n-1].Len += s.n
		} else {
			ranges = append(ranges, Range{s.off, s.n})
		}
	}
	return ranges
}
