package corpus

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const musichalSeed = 0x6d757369

// family is the models of one kind: how many, and how their sizes spread.
type family struct {
	suffix         string // of the file name
	files          int
	total          float64 // bytes
	least, most    float64 // bytes of one file
	tail           float64 // how uneven the sizes are
	dims, indents  []int   // taken in turn
	write          func(j *writer, m *model)
	perItem        func(dim, indent int) float64 // bytes
	fixed, smaller float64                       // bytes beside the items; least number of items
}

// model is one file to be written.
type model struct {
	number int // of all
	take   uint64
	dim    int
	items  int
	meta   rng
}

func (m *model) track() *track { return newTrack(newRNG(musichalSeed, 1000+m.take), m.dim) }

func (m *model) stamp() string {
	return fmt.Sprintf("2025-%02d-%02dT%02d:%02d:%02d.%06d", 8+m.number/60%4, 1+m.number%28,
		m.meta.IntN(24), m.meta.IntN(60), m.meta.IntN(60), m.meta.IntN(1_000_000))
}

func byIndent(flat, two float64) func(int, int) float64 {
	return func(_, indent int) float64 {
		if indent > 0 {
			return two
		}
		return flat
	}
}

var families = []family{
	{"audio_oracle", 20, 158e6, 0.3e6, 20e6, 3, []int{15, 768}, []int{0}, audioOracle,
		func(dim, _ int) float64 { return 905 + 21*float64(dim) }, 400, 3},
	{"", 110, 65.8e6, 2000, 8e6, 20, []int{15, 15, 15, 768}, []int{0, 2, 2}, trainingResults,
		func(dim, indent int) float64 {
			if indent > 0 {
				return 1230 + 31*float64(dim)
			}
			return 880 + 21*float64(dim)
		}, 700, 1},
	{"rhythm_oracle", 25, 19.3e6, 4000, 3e6, 8, []int{0}, []int{2}, rhythmOracle, byIndent(1000, 1000), 200, 2},
	{"correlation_final", 18, 25e6, 4000, 5e6, 8, []int{0}, []int{2}, correlation, byIndent(850, 850), 2500, 2},
	{"harmonic_transitions", 10, 8e6, 4000, 3e6, 6, []int{0}, []int{0, 2, 2}, harmonicTransitions, byIndent(255, 320), 100, 2},
}

var songs = []string{"Itzama", "Curious_child", "Georgia", "Nineteen", "Daybreak", "Short_stories", "Subway", "Old_harbour"}

// writeMusichal writes 183 models of a music-improvisation system as its
// Python code would: audio oracles, training results, rhythm oracles,
// correlations, harmonic transitions. Every third training result is a later
// run over another's take. One file is empty and one is cut off in the middle:
// saves that died.
func writeMusichal(dir string, scale float64) error {
	r := newRNG(musichalSeed, 0)
	number := 0
	for _, f := range families {
		sizes, sum := make([]float64, f.files), 0.0
		for i := range sizes {
			sizes[i] = r.weight(f.tail)
			sum += sizes[i]
		}
		for i, s := range sizes {
			m := &model{number: number, take: uint64(number), dim: f.dims[i%len(f.dims)], meta: newRNG(musichalSeed, 5000+uint64(number))}
			if f.suffix == "" && i >= 12 && i%3 == 0 {
				m.take -= 12 // a multiple of len(dims): the same take needs the same features
			}
			indent := f.indents[i%len(f.indents)]
			bytes := max(f.least, min(f.most, s/sum*f.total)) * scale
			m.items = int(max(f.smaller, (bytes-f.fixed)/f.perItem(m.dim, indent)))
			name := fmt.Sprintf("%s_%02d%02d25_%02d%02d_training_%s.json", songs[number%len(songs)], 1+number%28, 8+number/60%4,
				m.meta.IntN(24), m.meta.IntN(60), f.suffix)
			name = filepath.Join(dir, strings.Replace(name, "_.json", ".json", 1))
			if err := writeModel(name, number, indent, func(j *writer) { f.write(j, m) }); err != nil {
				return err
			}
			number++
		}
	}
	return nil
}

func writeModel(name string, number, indent int, fill func(j *writer)) error {
	const died, cut = 77, 101
	if number == died {
		return create(name, func(*bufio.Writer) {})
	}
	if err := createJSON(name, indent, fill); err != nil || number != cut {
		return err
	}
	st, err := os.Stat(name)
	if err != nil {
		return err
	}
	return os.Truncate(name, st.Size()*6/10)
}
