package corpus

import (
	"fmt"
	"path/filepath"
)

// writeMany writes tiny models, 1,000 to a directory, about 300 bytes each.
func writeMany(dir string, scale float64) error {
	r := newRNG(0x6d616e79, 1)
	for i := range max(1, int(100_000*scale)) {
		name := filepath.Join(dir, fmt.Sprintf("group%03d", i/1000), fmt.Sprintf("model%06d.json", i))
		err := createJSON(name, 0, func(j *writer) {
			j.obj()
			j.key("id").int(i)
			j.key("bias").num(r.norm())
			j.key("weights").arr()
			for range 12 {
				j.num(f32(r.norm()))
			}
			j.endArr()
			j.endObj()
		})
		if err != nil {
			return err
		}
	}
	return nil
}
