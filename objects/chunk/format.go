package chunk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// Format is what a model's first bytes show it to be. The numbers are part of
// the store's format.
type Format uint8

// The formats.
const (
	Binary      Format = 0
	Text        Format = 1
	JSON        Format = 2
	Safetensors Format = 3
	GGUF        Format = 4
	ONNX        Format = 5
	NPY         Format = 6
	NPZ         Format = 7
	TFLite      Format = 8
	Shard       Format = 9 // numbers of one type without a header, told by sampling
)

var formats = [...]string{Binary: "binary", Text: "text", JSON: "json", Safetensors: "safetensors", GGUF: "gguf",
	ONNX: "onnx", NPY: "npy", NPZ: "npz", TFLite: "tflite", Shard: "shard"}

func (f Format) String() string {
	if int(f) < len(formats) {
		return formats[f]
	}
	return fmt.Sprintf("format %d", uint8(f))
}

const (
	sampleSize = 256 << 10 // how much of a model is looked at to tell its format
	textSample = 4 << 10
)

// magics are the first bytes of formats whose inside is not looked at, so that
// sampling does not take them for headerless numbers.
var magics = []string{"PK\x03\x04", "\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05", "\x89HDF", "\x1f\x8b", "\x28\xb5\x2f\xfd",
	"\x7fELF", "\x89PNG", "RIFF", "BZh", "\xfd7zXZ", "PAR1", "ARROW1", "OggS", "\xff\xd8\xff", "GIF8", "MZ", "SQLite format 3",
	"ggjt", "lmgg", "tjgg"}

// detect tells the format from the first sampleSize bytes, or all there are.
func detect(head []byte) Format {
	switch {
	case bytes.HasPrefix(head, []byte("GGUF")) && len(head) >= 24:
		return GGUF
	case bytes.HasPrefix(head, []byte("\x93NUMPY")):
		return NPY
	case len(head) >= 8 && string(head[4:8]) == "TFL3":
		return TFLite
	case isNPZ(head):
		return NPZ
	case isSafetensors(head):
		return Safetensors
	case isONNX(head):
		return ONNX
	case isText(head[:min(len(head), textSample)]):
		if isJSON(head) {
			return JSON
		}
		return Text
	}
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m)) {
			return Binary
		}
	}
	if sampleElem(head).Size != 0 {
		return Shard
	}
	return Binary
}

func isSafetensors(head []byte) bool {
	if len(head) < 10 || head[8] != '{' {
		return false
	}
	n := binary.LittleEndian.Uint64(head)
	return n >= 2 && n <= maxHeader && isText(head[8:min(uint64(len(head)), 8+n, 8+textSample)])
}

// isJSON expects text.
func isJSON(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(head) > 0 && (head[0] == '{' || head[0] == '[')
}

// isText tells whether all but a few bytes are printable characters in UTF-8,
// and none is NUL.
func isText(b []byte) bool {
	if len(b) == 0 || bytes.IndexByte(b, 0) >= 0 {
		return false
	}
	bad := 0
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			if b[i] < ' ' && (b[i] < '\b' || b[i] > '\r') && b[i] != 0x1b || b[i] == 0x7f {
				bad++
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 && utf8.FullRune(b[i:]) {
			bad++
		}
		i += n
	}
	return bad*50 <= len(b)
}
