package tensor

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	npz := npzFile(t, zip.Deflate, f32(1, "a", 300))
	for _, c := range []struct {
		name string
		head []byte
		want Format
	}{
		{"x.bin", safetensorsFile(f32(1, "a", 3)), Safetensors},
		{"x.gguf", safetensorsFile(f32(1, "a", 3)), Safetensors},
		{"x", rawSafetensors("{ }", nil), Safetensors},
		{"x", ggufFile(0, f32(1, "a", 3)), GGUF},
		{"x", []byte("GGUF\x00\x00\x00\x03"), GGUF},
		{"x", []byte("FUGG\x00\x00\x00\x03"), GGUF},
		{"x", onnxFile(f32(1, "", 3), f32(2, "w", 20)), ONNX},
		{"x", onnxModel(bytes.Repeat([]byte{0x2a, 0}, 100000)), ONNX},
		{"x", npyFile("<f4", f32(1, "", 3)), NPY},
		{"x", npz, NPZ},
		{"empty.safetensors", nil, Safetensors},
		{"empty.GGUF", nil, GGUF},
		{"dir.npy/empty.onnx", nil, ONNX},
		{"x.npy", []byte("\x93NU"), NPY},
		{"x.npz", []byte("PK"), NPZ},
		{"x.npz", zipFile(t, zip.Store), NPZ},
		{"x.safetensors", []byte("version https://git-lfs.github.com/spec/v1\n"), Safetensors},
		{"x", nil, ""},
		{"gguf", nil, ""},
		{"x.txt", []byte("GGUF is a format of models"), ""},
		{"x.txt", []byte("FUGG"), ""},
		{"x.json", []byte(`{"__metadata__":{"format":"pt"}}`), ""},
		{"x.zip", zipFile(t, zip.Deflate, zipMember{"a.txt", []byte("text")}), ""},
		{"x.pt", zipFile(t, zip.Store, zipMember{"archive/data.pkl", []byte("pickle")}), ""},
		{"x.bin", append(u64(2000), []byte("{\"\x00\x01")...), ""},
		{"x.bin", append(u64(2000), []byte("{1, 2}")...), ""},
		{"x.bin", bytes.Repeat([]byte{8}, 100), ""},
		{"x.bin", make([]byte, 100), ""},
	} {
		if got := Detect(c.name, c.head); got != c.want {
			t.Errorf("%s, %.40q: %q, want %q", c.name, c.head, got, c.want)
		}
	}
}

// TestDetectTestdata takes none of the other models for a file of tensors.
func TestDetectTestdata(t *testing.T) {
	root := "../../testdata/models"
	n := 0
	err := filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		n++
		want := Format("")
		if strings.HasSuffix(name, ".safetensors") {
			want = Safetensors
		}
		if got := Detect("x", b[:min(len(b), 64<<10)]); got != want {
			t.Errorf("%s is detected as %q", name, got)
		}
		return nil
	})
	if err != nil || n < 20 {
		t.Fatalf("%d files: %v", n, err)
	}
}
