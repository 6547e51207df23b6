package tensor

import (
	"hash/maphash"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// kind is a message of ONNX (onnx/onnx.proto).
type kind uint8

const (
	kindPlain kind = iota // its fields are not looked into
	kindModel
	kindGraph
	kindFunction
	kindNode
	kindAttribute
	kindTensor
	kindSparse
	kindTraining
	kindOpset
	kindProperty
)

// kinds are the fields of a message that hold messages.
var kinds = map[kind]map[uint64]kind{
	kindModel:     {7: kindGraph, 8: kindOpset, 14: kindProperty, 20: kindTraining, 25: kindFunction, 26: kindPlain},
	kindGraph:     {1: kindNode, 5: kindTensor, 11: kindPlain, 12: kindPlain, 13: kindPlain, 14: kindPlain, 15: kindSparse, 16: kindPlain},
	kindFunction:  {7: kindNode, 9: kindPlain, 11: kindAttribute, 12: kindPlain, 14: kindPlain},
	kindNode:      {5: kindAttribute, 9: kindPlain, 10: kindPlain},
	kindAttribute: {5: kindTensor, 6: kindGraph, 10: kindTensor, 11: kindGraph, 14: kindPlain, 15: kindPlain, 22: kindSparse, 23: kindSparse},
	kindSparse:    {1: kindTensor, 2: kindTensor},
	kindTraining:  {1: kindGraph, 2: kindGraph, 3: kindPlain, 4: kindPlain},
}

var kindNames = [...]string{kindPlain: "a message", kindModel: "the model", kindGraph: "the graph", kindFunction: "a function", kindNode: "a node",
	kindAttribute: "an attribute", kindTensor: "a tensor", kindSparse: "a sparse tensor", kindTraining: "the training information", kindOpset: "an operator set", kindProperty: "a property"}

const (
	maxONNXTensors = 1 << 20
	opsetsSince    = 3 // the version of the format that asks for operator sets
)

// onnx walks through the messages of a model, and checks the tensors: the
// initializers of graphs, those of subgraphs, and attributes of nodes.
func (c *checker) onnx() {
	o := onnxReader{protoReader: protoReader{checker: c}}
	if c.size == 0 {
		c.problem("", 0, "graph", "the file is empty, there is no model")
		return
	}
	model := message{protoReader: &o.protoReader, what: kindNames[kindModel], end: math.MaxInt64}
	o.walk(&model, kindModel, "", nil)
	if o.over {
		return
	}
	c.toEnd = true
	if !o.hasVersion {
		c.problem("", -1, "ir_version", "it is missing")
	}
	if o.graphs != 1 {
		c.problem("", -1, "graph", "there are %d, a model has one", o.graphs)
	}
	if len(o.opsets) == 0 && (!o.hasVersion || o.version >= opsetsSince) {
		c.problem("", -1, "opset_import", "it is missing")
	}
	if len(o.opsets) > 0 {
		c.meta("opset", strings.Join(o.opsets, ", "))
	}
	for _, op := range slices.Sorted(maps.Keys(o.nodes)) {
		c.meta("nodes "+op, strconv.Itoa(o.nodes[op]))
	}
	if o.external > 0 {
		c.meta("external_tensors", strconv.Itoa(o.external))
	}
}

type onnxReader struct {
	protoReader
	version    uint64
	hasVersion bool
	graphs     int
	opsets     []string
	external   int
	nodes      map[string]int // by operator, if they are to be listed
}

// names are the initializers of a graph, by hash.
type names struct {
	seed maphash.Seed
	seen map[uint64]struct{}
}

// walk reads a message. owner names what a tensor without a name belongs to, in
// is the graph whose initializer the message is.
func (o *onnxReader) walk(m *message, k kind, owner string, in *names) {
	if k == kindTensor {
		o.tensor(m, owner, in)
		return
	}
	var own *names
	switch k {
	case kindGraph:
		own = &names{maphash.MakeSeed(), map[uint64]struct{}{}}
	case kindNode:
		owner = "" // its first output
	}
	domain, opset := "", uint64(0)
	key, value := "", ""
	for f, ok := m.next(); ok; f, ok = m.next() {
		if sub, ok := kinds[k][f.num]; ok {
			inner, ok := m.inner(f, kindNames[sub])
			if !ok {
				return
			}
			if k == kindModel && f.num == 7 {
				o.graphs++
			}
			if k == kindGraph && f.num == 5 {
				o.walk(&inner, sub, owner, own)
			} else {
				o.walk(&inner, sub, owner, nil)
			}
			continue
		}
		switch {
		case k == kindModel && f.num == 1 && m.is(f, wireVarint):
			o.version, o.hasVersion = f.value, true
			o.meta("ir_version", strconv.FormatUint(f.value, 10))
		case k == kindModel && f.num == 2:
			o.meta("producer_name", m.text(f, maxName+1, "producer_name"))
		case k == kindGraph && f.num == 2 && m.depth == 1:
			o.meta("graph_name", m.text(f, maxName+1, "name"))
		case o.list != nil && k == kindModel && (f.num == 3 || f.num == 4) && f.wire == wireBytes:
			o.meta([]string{3: "producer_version", 4: "domain"}[f.num], m.text(f, maxName+1, "producer_version"))
		case o.list != nil && k == kindModel && f.num == 5 && f.wire == wireVarint:
			o.meta("model_version", strconv.FormatUint(f.value, 10))
		case o.list != nil && k == kindProperty && f.num == 1 && f.wire == wireBytes:
			key = m.text(f, maxName, "key")
		case o.list != nil && k == kindProperty && f.num == 2 && f.wire == wireBytes:
			value = m.text(f, bufSize, "value")
		case o.list != nil && k == kindNode && f.num == 4 && f.wire == wireBytes:
			o.node(m.text(f, maxName, "op_type"))
		case k == kindNode && f.num == 2 && owner == "":
			owner = m.text(f, maxName+1, "output")
		case k == kindOpset && f.num == 1:
			domain = m.text(f, maxName+1, "domain")
		case k == kindOpset && f.num == 2 && m.is(f, wireVarint):
			opset = f.value
		default:
			m.whole("", f, "field "+strconv.FormatUint(f.num, 10))
		}
	}
	if k == kindProperty && o.list != nil {
		o.meta("property "+key, value)
	}
	if k == kindOpset && !o.over {
		s := strconv.FormatUint(opset, 10)
		if domain != "" {
			s = domain + " " + s
		}
		if len(o.opsets) < maxMetadata {
			o.opsets = append(o.opsets, s)
		}
	}
}

const maxOperators = 1 << 12 // that are counted apart

// node counts one of the operators.
func (o *onnxReader) node(op string) {
	if o.nodes == nil {
		o.nodes = map[string]int{}
	}
	if _, ok := o.nodes[op]; ok || len(o.nodes) < maxOperators {
		o.nodes[op]++
	}
}
