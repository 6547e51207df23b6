package schema

import (
	"context"
	"io"
	"path"
	"strings"
	"testing"
)

func benchmarkCheck(b *testing.B, name, doc, kind string) {
	r := registry(b)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		rep, err := r.Check(context.Background(), input(name, doc), Options{})
		if err != nil || rep.Kind != kind || !rep.Valid() {
			b.Fatalf("%+v, %v", rep, err)
		}
	}
}

// An audio oracle of 20 MB, nearly all of it features that nobody asks for.
func BenchmarkOracle(b *testing.B) {
	o := newOracle(20 << 20)
	doc, err := io.ReadAll(io.NewSectionReader(o, 0, o.size()))
	if err != nil {
		b.Fatal(err)
	}
	benchmarkCheck(b, "x.json", string(doc), "audio_oracle")
}

// Training results of 1 MB, most of it long texts and lists of short ones.
func BenchmarkTraining(b *testing.B) {
	doc := training(2000)
	doc["sample_polyphonic_patterns"] = strings.Split(strings.Repeat(strings.Repeat("(np.float64(0.0683), np.float64(0.25)) ", 40)+"\n", 500), "\n")
	doc["transformer_analysis"] = object{"chord_progression": strings.Fields(strings.Repeat("D Dm7 Gmaj7 ", 10_000))}
	benchmarkCheck(b, "x_training.json", toJSON(b, doc), "training_results")
}

// What reading the built-in kinds costs: what every process does, what a process does that
// lists all of them, and reading them as if somebody had written them.
func BenchmarkKinds(b *testing.B) {
	sources := map[string][]byte{}
	for _, name := range builtinOrder {
		src, err := kindFiles.ReadFile(path.Join("kinds", name+".yaml"))
		if err != nil {
			b.Fatal(err)
		}
		sources[name] = src
	}
	for _, x := range []struct {
		name string
		read func(name string, src []byte) error
	}{
		{"recognise", func(name string, src []byte) error { _, err := parseMatch(name, matchOf(src)); return err }},
		{"list", func(name string, src []byte) error { mustParse(name, src); return nil }},
		{"compile", func(name string, src []byte) error { _, err := ParseKind(name, src); return err }},
	} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for name, src := range sources {
					if err := x.read(name, src); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
