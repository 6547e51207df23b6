package history

import (
	"fmt"
	"io"
	"math/rand/v2"
)

// FastImport is the stream from which git makes the same history, as far as it has the
// like: messages, authors, times and paths, and a few bytes in place of each model.
func (h Wide) FastImport() io.Reader {
	r, w := io.Pipe()
	go func() {
		rng := rand.New(rand.NewPCG(h.Seed, 6))
		for n := 1; n <= h.Versions; n++ {
			v := h.version(rng, n)
			data := fmt.Sprintf(`{"step": %d}`, n)
			_, err := fmt.Fprintf(w, "commit refs/heads/main\ncommitter %.3s <bench@example.org> %d +0000\ndata %d\n%s\nM 100644 inline %s\ndata %d\n%s\n",
				v.Author, v.Time.Unix(), len(v.Message), v.Message, v.Changes[0].Path, len(data), data)
			if err != nil {
				return // the reader has gone
			}
		}
		w.Close()
	}()
	return r
}
