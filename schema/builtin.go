package schema

import (
	"bytes"
	"embed"
	"path"
	"sync"
)

//go:embed kinds/*.yaml
var kindFiles embed.FS

// builtinOrder is the order in which built-in kinds are tried.
var builtinOrder = []string{"rhythm_oracle", "harmonic_transitions", "correlation", "audio_oracle", "training_results",
	"safetensors", "gguf", "onnx", "numpy", "json"}

// builtins are the kinds that are part of mstore. Reading one takes longer than checking
// a small model, and a process needs few of them: only their match is read at once.
var builtins = sync.OnceValues(func() ([]*entry, error) {
	var out []*entry
	for _, name := range builtinOrder {
		file := path.Join("kinds", name+".yaml")
		src, err := kindFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		match, err := parseMatch(file, matchOf(src))
		if err != nil {
			return nil, err
		}
		out = append(out, &entry{name, match, sync.OnceValue(func() *Kind { return mustParse(file, src) })})
	}
	return out, nil
})

// mustParse reads a built-in kind, which a test has read before.
func mustParse(file string, src []byte) *Kind {
	p := &kindParser{file: file, k: &Kind{Builtin: true, Source: src}, lazy: true}
	if err := p.parse(); err != nil {
		panic(err)
	}
	return p.k
}

// matchOf is the part of a kind file that says how the kind is recognised: the line that
// begins with match, and those below it that do not begin a field of their own.
func matchOf(src []byte) []byte {
	start := bytes.Index(src, []byte("\nmatch:")) + 1
	part := src[start:]
	for i := range part {
		if i > 0 && part[i-1] == '\n' && bytes.IndexByte([]byte(" -#\n"), part[i]) < 0 {
			return part[:i]
		}
	}
	return part
}
