package tensor

import (
	"bytes"
	"encoding/binary"
	"path"
	"strings"
	"unicode/utf8"
)

// Detect tells the format of a file from its first bytes: at least 64 KB of
// them, or all there are. Content decides; name, of which only the extension
// counts, helps where content is none of the formats, so that a file that is
// empty, cut off or damaged is still checked as what it should be. "" means that
// it is none. JSON and text are none by content.
func Detect(name string, head []byte) Format {
	switch {
	case isGGUF(head):
		return GGUF
	case bytes.HasPrefix(head, []byte(npyMagic)):
		return NPY
	case isNPZ(head):
		return NPZ
	case isSafetensors(head):
		return Safetensors
	case isONNX(head):
		return ONNX
	}
	switch f := Format(strings.TrimPrefix(strings.ToLower(path.Ext(name)), ".")); f {
	case Safetensors, GGUF, ONNX, NPY, NPZ:
		return f
	}
	return ""
}

// isGGUF expects the magic, and a version that is a number in either order.
func isGGUF(head []byte) bool {
	if len(head) < 8 || string(head[:4]) != ggufMagic && string(head[:4]) != ggufBig {
		return false
	}
	return head[5]|head[6]|head[7] == 0 || head[4]|head[5]|head[6] == 0
}

// isNPZ tells whether head begins with a ZIP member that is an array. Other ZIP
// archives, of which there are many, are not for this package.
func isNPZ(head []byte) bool {
	const local = 30
	if len(head) < local || string(head[:4]) != "PK\x03\x04" {
		return false
	}
	n := int(binary.LittleEndian.Uint16(head[26:]))
	return bytes.HasSuffix(head[local:min(len(head), local+n)], []byte(".npy"))
}

// isSafetensors expects the length of a header, and as much of a JSON object as
// there is: printable, and with a key or nothing in it.
func isSafetensors(head []byte) bool {
	if len(head) < 10 {
		return false
	}
	n := binary.LittleEndian.Uint64(head)
	if n < 2 || n > maxSafetensors || head[8] != '{' {
		return false
	}
	text := head[8:min(uint64(len(head)), 8+n)]
	inner := bytes.TrimLeft(text[1:], " \t\r\n")
	if len(inner) > 0 && inner[0] != '"' && inner[0] != '}' {
		return false
	}
	for i := 0; i < len(text); {
		r, k := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && k == 1 && utf8.FullRune(text[i:]) || r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return false
		}
		i += k
	}
	return true
}

// isONNX expects a version first, which all writers write first, then fields of
// a ModelProto up to the graph, and in the graph a field of it, and in a node a
// field of that.
func isONNX(head []byte) bool {
	if len(head) < 16 || head[0] != 1<<3|wireVarint || head[1] == 0 || head[1] > 0x7f {
		return false
	}
	for b := head[2:]; ; {
		f, n := parseField(b)
		switch {
		case n <= 0:
			return false
		case f.num == 7 && f.wire == wireBytes:
			return isGraph(b[n:])
		case f.num == 5 && f.wire == wireVarint:
		case f.wire == wireBytes && (f.num < 9 || f.num == 14 || f.num == 20 || f.num == 25 || f.num == 26):
		default:
			return false
		}
		if f.wire == wireBytes {
			n += int(min(f.value, uint64(len(b)-n)))
		}
		b = b[n:]
	}
}

func isGraph(b []byte) bool {
	f, n := parseField(b)
	if n <= 0 || f.wire != wireBytes || f.num > 16 {
		return false
	}
	if f.num != 1 {
		return true
	}
	f, n = parseField(b[n:])
	return n > 0 && f.wire == wireBytes && f.num <= 10
}
