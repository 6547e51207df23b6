package chunk

import (
	"bytes"
	"io"
	"math"
	"testing"
)

func formatOf(t *testing.T, b []byte) Format {
	t.Helper()
	c := New(bytes.NewReader(b))
	if _, err := c.Next(nil); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return c.Format()
}

func TestFormats(t *testing.T) {
	small := f32(1, "w", 64, 64)
	bf16 := make([]byte, 0, 1<<16)
	double := make([]byte, 0, 1<<16)
	for i, w := range weights(2, 1<<15) {
		if i%4 >= 2 {
			bf16 = append(bf16, w)
		}
	}
	for i, b := range weights(3, 1<<14) {
		if i%4 == 0 {
			double = append(double, random(4)...)
		}
		double = append(double, b)
	}
	quantised := make([]byte, 1<<16)
	for i := range quantised {
		quantised[i] = byte(128 + 30*math.Sin(float64(i*i)))
	}
	for name, c := range map[string]struct {
		data []byte
		want Format
	}{
		"nothing":                {nil, Binary},
		"json":                   {[]byte("\xef\xbb\xbf \n{\"a\": 1}"), JSON},
		"a json list":            {jsonFile(10, 0), JSON},
		"text":                   {[]byte("tree\nversion=v3\n"), Text},
		"text cut in a rune":     {append(bytes.Repeat([]byte("x"), textSample-1), "é"...), Text},
		"text with a NUL":        {[]byte("tree\x00"), Binary},
		"random":                 {random(1 << 20), Binary},
		"quantised":              {quantised, Binary},
		"zeros":                  {make([]byte, 1<<20), Binary},
		"safetensors":            {safetensorsFile("", small), Safetensors},
		"a length, no header":    {[]byte("\x40\x00\x00\x00\x00\x00\x00\x00 not JSON"), Binary},
		"safetensors too long":   {[]byte("\x00\x00\x00\x00\x00\x00\x00\x80{\"a\":"), Binary},
		"gguf":                   {ggufFile(32, 0, small), GGUF},
		"onnx":                   {onnxFile(0, small), ONNX},
		"a message, not a model": {protoBytes(protoUint(nil, 1, 8), 9, random(100)), Binary},
		"npy":                    {npyFile("<f4", small), NPY},
		"npz":                    {npzFile(small), NPZ},
		"npz, deflated":          {deflatedNPZ(t, small), NPZ},
		"another zip":            {[]byte("PK\x03\x04 something else, with a name .npy later on"), Binary},
		"tflite":                 {append([]byte("\x1c\x00\x00\x00TFL3"), random(100)...), TFLite},
		"f32":                    {weights(1, 1<<14), Shard},
		"f32 after some words":   {append([]byte("\x03\x00\x00\x00asm\x00\x02\x00\x00\x00go\x00\x00"), weights(1, 1<<14)...), Shard},
		"bf16":                   {bf16, Shard},
		"f64":                    {double, Shard},
		"f32, not aligned":       {append([]byte{1}, weights(1, 1<<14)...), Binary},
	} {
		if got := formatOf(t, c.data); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	for data, want := range map[*[]byte]uint8{&bf16: 2, &double: 8} {
		if e := sampleElem(*data); e != (Elem{want, true}) {
			t.Errorf("%v, want floats of %d bytes", e, want)
		}
	}
}

func TestFormatNames(t *testing.T) {
	// The numbers are in stores.
	for n, want := range []string{"binary", "text", "json", "safetensors", "gguf", "onnx", "npy", "npz", "tflite", "shard", "format 10"} {
		if got := Format(n).String(); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
