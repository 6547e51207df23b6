package corpus

import (
	"fmt"
	"path/filepath"
)

// lineage is one oracle that learns on between its saves.
type lineage struct {
	r      rng
	track  *track
	oracle *oracle
	frames []frame
	edited int
}

func newLineage(seed uint64, dim int) *lineage {
	return &lineage{r: newRNG(seed, 1), track: newTrack(newRNG(seed, 2), dim), oracle: newOracle()}
}

func (l *lineage) grow(n int) {
	for range n {
		f := l.track.next(nil)
		l.oracle.add(f.symbol())
		l.frames = append(l.frames, f)
	}
}

// edit moves one number in a hundred by about one percent.
func (l *lineage) edit() {
	l.edited = 0
	for _, f := range l.frames {
		for i := range f.n {
			if l.r.chance(100) {
				f.n[i] *= l.r.jitter(0.01)
				l.edited++
			}
		}
	}
}

func (l *lineage) json(j *writer, save int) {
	const start = 1.75e9
	j.obj()
	j.key("metadata").obj()
	j.key("version").str("2.0")
	j.key("saved_at").num(start + float64(float64(save)*613.7) + l.r.Float64())
	j.key("checkpoint").int(save)
	j.key("numbers_updated").int(l.edited)
	j.key("session").str(fmt.Sprintf("%016x", l.r.Uint64()))
	j.key("loss").num(2 / float64(save+3) * l.r.jitter(0.05))
	j.endObj()
	j.key("distance_threshold").num(0.2137 + float64(0.001*l.r.Float64()))
	j.key("distance_function").str("euclidean")
	j.key("feature_dimensions").int(len(l.track.timbre))
	j.key("sequence_length").int(len(l.frames))
	j.key("size").int(len(l.oracle.link))
	j.key("last").int(len(l.oracle.link) - 1)
	l.oracle.json(j)
	j.key("audio_frames").obj()
	for i := range l.frames {
		j.keyInt(i)
		l.frames[i].json(j, i, start)
	}
	j.endObj()
	j.endObj()
}

// writeLineage writes v001.json to v100.json, successive saves of one model:
// between two of them frames and states are added, one number in a hundred is
// edited and the header is new.
func writeLineage(dir string, scale float64) error {
	l := newLineage(0x6c696e65, 15)
	l.grow(max(10, int(3600*scale)))
	for v := 1; v <= 100; v++ {
		if v > 1 {
			l.edit()
			l.grow(max(1, int(20*scale)))
		}
		if err := createJSON(filepath.Join(dir, fmt.Sprintf("v%03d.json", v)), 0, func(j *writer) { l.json(j, v) }); err != nil {
			return err
		}
	}
	return nil
}
