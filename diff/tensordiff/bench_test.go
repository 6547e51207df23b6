package tensordiff

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fileSource is a file as a store would hand it in.
type fileSource struct{ *os.File }

func (f fileSource) Size() int64 {
	fi, err := f.Stat()
	if err != nil {
		return 0
	}
	return fi.Size()
}

// transformer writes a safetensors file of about size bytes, of 24 layers; change
// tells of a layer how much is added to its values, -1 is the embedding.
func transformer(b testing.TB, name, dtype string, size int, change func(layer int) float64) fileSource {
	b.Helper()
	width := map[string]int{"BF16": 2, "F16": 2, "F32": 4, "F64": 8}[dtype]
	each := size / width / 25 / 1024 * 1024
	var head strings.Builder
	head.WriteByte('{')
	for l := -1; l < 24; l++ {
		tensor := "model.embed_tokens.weight"
		if l >= 0 {
			tensor = fmt.Sprintf("model.layers.%d.mlp.up_proj.weight", l)
			head.WriteByte(',')
		}
		fmt.Fprintf(&head, `%q:{"dtype":%q,"shape":[%d,1024],"data_offsets":[%d,%d]}`, tensor, dtype, each/1024, (l+1)*each*width, (l+2)*each*width)
	}
	head.WriteByte('}')
	var out bytes.Buffer
	out.Write(binary.LittleEndian.AppendUint64(nil, uint64(head.Len())))
	out.WriteString(head.String())
	for l := -1; l < 24; l++ {
		r, noise := rand.New(rand.NewPCG(1, 1)), rand.New(rand.NewPCG(2, 2))
		row := make([]byte, 0, 64<<10*width)
		for range min(64<<10, each) {
			row = encode(row, dtype, r.NormFloat64()*0.02+noise.NormFloat64()*change(l))
		}
		for left := each * width; left > 0; left -= len(row) {
			out.Write(row[:min(left, len(row))])
		}
	}
	path := filepath.Join(b.TempDir(), name)
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return fileSource{f}
}

func BenchmarkDiff(b *testing.B) {
	const size = 200 << 20
	for _, dtype := range []string{"BF16", "F32", "F16", "F64"} {
		all := func(int) float64 { return 0.001 }
		two := func(l int) float64 {
			if l == 3 || l == 7 {
				return 0.001
			}
			return 0
		}
		x := transformer(b, "before."+dtype, dtype, size, func(int) float64 { return 0 })
		for name, y := range map[string]fileSource{"all": transformer(b, "all."+dtype, dtype, size, all), "two": transformer(b, "two."+dtype, dtype, size, two)} {
			b.Run(dtype+"/"+name, func(b *testing.B) {
				b.SetBytes(x.Size())
				for b.Loop() {
					if _, err := Diff(context.Background(), x, y, Options{Workers: 1}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
