package schema

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// oracle is an audio oracle of many frames that is never in memory: its bytes are
// computed when they are asked for.
type oracle struct {
	head, frame, tail string
	n                 int64 // frames, with one more in the tail
}

func newOracle(size int64) *oracle {
	features := make([]string, 768)
	for i := range features {
		features[i] = fmt.Sprintf("%.17g", float64(i)/3-100)
	}
	o := &oracle{head: `{"distance_threshold":0.15,"distance_function":"euclidean","feature_dimensions":768,` + "\n" + `"audio_frames":[` + "\n"}
	o.frame = `{"timestamp":0.5,"features":[` + strings.Join(features, ", ") + `],"audio_data":{"f0":220.25,"rms_db":-12.5,"ioi":0.25,` +
		`"chroma":[0,0,0.5],"gesture_token":3}},` + "\n"
	o.n = size / int64(len(o.frame))
	o.tail = fmt.Sprintf(`{"timestamp":0.75,"audio_data":{"gesture_token":0}}],`+"\n"+`"sequence_length":%d,"size":%d}`, o.n+1, o.n+2)
	return o
}

func (o *oracle) size() int64 {
	return int64(len(o.head)) + o.n*int64(len(o.frame)) + int64(len(o.tail))
}

// ReadAt implements io.ReaderAt.
func (o *oracle) ReadAt(p []byte, off int64) (n int, err error) {
	head, frame, frames := int64(len(o.head)), int64(len(o.frame)), o.n*int64(len(o.frame))
	for n < len(p) {
		var part string
		switch at := off + int64(n); {
		case at < head:
			part = o.head[at:]
		case at < head+frames:
			part = o.frame[(at-head)%frame:]
		case at < o.size():
			part = o.tail[at-head-frames:]
		default:
			return n, io.EOF
		}
		n += copy(p[n:], part)
	}
	return n, nil
}

func TestOracleIsRead(t *testing.T) {
	o := newOracle(100_000)
	content, err := io.ReadAll(io.NewSectionReader(o, 0, o.size()))
	if err != nil || int64(len(content)) != o.size() {
		t.Fatal(len(content), err)
	}
	rep := checkWith(t, registry(t), "x.json", string(content), Options{})
	if rep.Kind != "audio_oracle" || stat(rep, "frames") != o.n+1 || len(rep.Findings) != 1 || rep.Findings[0].Rule != "few-frames" {
		t.Errorf("%+v", rep)
	}
}

// Memory does not grow with the document.
func TestLargeDocumentNeedsLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 100 MB")
	}
	r := registry(t)
	measure := func(o *oracle) (allocated, peak int64) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		in := &watched{o: o, base: before.HeapAlloc}
		rep, err := r.Check(context.Background(), Input{Name: "x.json", Size: o.size(), At: in}, Options{})
		runtime.ReadMemStats(&after)
		if err != nil || rep.Kind != "audio_oracle" || len(rep.Findings) != 0 || stat(rep, "frames") != o.n+1 {
			t.Fatalf("%+v, %v", rep, err)
		}
		return int64(after.TotalAlloc - before.TotalAlloc), in.peak
	}
	large := newOracle(100 << 20)
	measure(newOracle(1 << 20)) // the kinds are read once
	allocated, peak := measure(large)
	t.Logf("for %d MB, %d KB were allocated, at most %d KB of them at once", large.size()>>20, allocated>>10, peak>>10)
	if allocated > 50<<20 || peak > 50<<20 {
		t.Error("that is too much")
	}
}

// watched looks at the heap while an oracle is read.
type watched struct {
	o     *oracle
	base  uint64
	peak  int64
	reads int
}

func (w *watched) ReadAt(p []byte, off int64) (int, error) {
	if w.reads++; w.reads%64 == 0 {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		w.peak = max(w.peak, int64(now.HeapAlloc)-int64(w.base))
	}
	return w.o.ReadAt(p, off)
}

// Kinds and registries may be used by many at once.
func TestConcurrentChecks(t *testing.T) {
	r := registry(t, "kind: own\nmatch: {has: [own]}\nschema: {properties: {own: {anyOf: [{type: string}]}}}\nstats: {n: {size: $.list}}")
	docs := map[string]string{
		`{"own":"x","list":[1,2]}`: "own", toJSON(t, audioOracle(20)): "audio_oracle", toJSON(t, training(200)): "training_results", `{}`: "json"}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for doc, kind := range docs {
				for range 5 {
					rep, err := r.Check(context.Background(), input("x.json", doc), Options{})
					if err != nil || rep.Kind != kind || len(rep.Findings) > 0 {
						t.Errorf("%s: %+v, %v", kind, rep, err)
					}
				}
				if r.Kind(kind) == nil || len(r.Kinds()) != len(builtinOrder)+1 {
					t.Errorf("no kind %s", kind)
				}
			}
		})
	}
	wg.Wait()
}
