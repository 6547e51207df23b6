//go:build unix

package main

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/rogpeppe/go-internal/testscript"
)

// cmdTensors is "tensors FILE NAME=N,N,... ...": a safetensors file of F32 tensors of one
// dimension.
func cmdTensors(ts *testscript.TestScript, _ bool, args []string) {
	header := map[string]any{}
	var data []byte
	for _, arg := range args[1:] {
		name, list, _ := strings.Cut(arg, "=")
		from := len(data)
		for _, n := range strings.Split(list, ",") {
			x, err := strconv.ParseFloat(n, 32)
			ts.Check(err)
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(x)))
		}
		header[name] = map[string]any{"dtype": "F32", "shape": []int{(len(data) - from) / 4}, "data_offsets": []int{from, len(data)}}
	}
	head, err := json.Marshal(header)
	ts.Check(err)
	file := slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head, data)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), file, 0o644))
}

// cmdJSONPatch is "jsonpatch FROM PATCH TO [PATH]": the patch in PATCH, or in the member
// PATH of the object there, makes FROM the same value as TO.
func cmdJSONPatch(ts *testscript.TestScript, _ bool, args []string) {
	text := json.RawMessage(ts.ReadFile(args[1]))
	if len(args) > 3 {
		all := map[string]json.RawMessage{}
		ts.Check(json.Unmarshal(text, &all))
		text = all[args[3]]
	}
	patch, err := jsonpatch.DecodePatch(text)
	ts.Check(err)
	got, err := patch.Apply([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	if !jsonpatch.Equal(got, []byte(ts.ReadFile(args[2]))) {
		ts.Fatalf("%d operations give %s", len(patch), got)
	}
}
