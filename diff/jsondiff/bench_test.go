package jsondiff

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// oracle writes a model of about 20 MB such as audio oracles are: frames with long
// feature vectors, and objects by index. A share of its numbers is replaced.
func oracle(frames int, share float64) []byte {
	values, edits := rand.New(rand.NewPCG(1, 1)), rand.New(rand.NewPCG(2, 2))
	var b bytes.Buffer
	number := func() {
		x := values.Float64()
		if edits.Float64() < share {
			x += edits.Float64() * 1e-3
		}
		b.Write(strconv.AppendFloat(nil, x, 'g', -1, 64))
	}
	b.WriteString("{\n  \"distance_threshold\": 0.15,\n  \"audio_frames\": [")
	for i := range frames {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n    {\n      \"timestamp\": %d.25,\n      \"features\": [", i)
		for k := range 768 {
			if k > 0 {
				b.WriteByte(',')
			}
			b.WriteString("\n        ")
			number()
		}
		b.WriteString("\n      ],\n      \"audio_data\": {\n        \"f0\": ")
		number()
		b.WriteString(",\n        \"chroma\": [0.0, 0.5, 1.0]\n      }\n    }")
	}
	b.WriteString("\n  ],\n  \"transitions\": {")
	for i := range frames {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n    \"%d\": {\"%d\": ", i, i+1)
		number()
		b.WriteByte('}')
	}
	b.WriteString("\n  }\n}\n")
	return b.Bytes()
}

func BenchmarkDiff(b *testing.B) {
	x, y := oracle(940, 0), oracle(940, 0.01)
	if dir := os.Getenv("JSONDIFF_BENCH"); dir != "" { // two models: a.json and b.json
		x, _ = os.ReadFile(dir + "/a.json")
		y, _ = os.ReadFile(dir + "/b.json")
	}
	for _, c := range []struct {
		name string
		a, b []byte
	}{{"changed", x, y}, {"same", x, x}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.a) + len(c.b)))
			runtime.GC()
			cpu := cpuTime()
			for b.Loop() {
				if _, err := Diff(context.Background(), bytes.NewReader(c.a), bytes.NewReader(c.b), Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpuTime()-cpu)/time.Millisecond)/float64(b.N), "cpu-ms/op")
		})
	}
}
