package tensordiff

import (
	"slices"
	"strings"
)

// optimizerParts are components of names that optimizers give their state.
var optimizerParts = map[string]bool{"exp_avg": true, "exp_avg_sq": true, "max_exp_avg_sq": true, "exp_avg_sqs": true, "exp_avgs": true,
	"exp_inf": true, "momentum_buffer": true, "square_avg": true, "acc_delta": true, "grad_avg": true}

// optimizerRoots are components that all of a name's rest is below.
var optimizerRoots = map[string]bool{"optimizer": true, "optimizers": true, "optim": true, "opt": true, "opt_state": true,
	"optimizer_state": true, "optimizer_states": true, "optimizer_state_dict": true}

// layerOf tells the group that a tensor belongs to, by its name.
func layerOf(name string) (group string, kind Kind) {
	parts, ends := components(name)
	last := len(parts) - 1
	at := slices.IndexFunc(parts[:last], numbered)
	embedding := slices.ContainsFunc(parts[:max(at, 0)], isEmbedding) || at < 0 && slices.ContainsFunc(parts, isEmbedding)
	switch {
	case slices.ContainsFunc(parts, func(s string) bool { return optimizerParts[s] }) || slices.ContainsFunc(parts[:last], func(s string) bool { return optimizerRoots[s] }):
		kind = KindOptimizer
	case embedding:
		kind = KindEmbedding
	case at >= 0:
		kind = KindLayer
	default:
		kind = KindOther
	}
	switch {
	case at >= 0 && kind != KindEmbedding:
		return name[:ends[at]], kind
	case last > 0:
		return name[:ends[last-1]], kind
	}
	return name, kind
}

// components are the parts of a name between dots and slashes, and where they
// end in it. There is at least one.
func components(name string) (parts []string, ends []int) {
	from := 0
	for i := 0; i <= len(name); i++ {
		if i == len(name) || name[i] == '.' || name[i] == '/' {
			parts, ends = append(parts, name[from:i]), append(ends, i)
			from = i + 1
		}
	}
	return parts, ends
}

// numbered tells whether a component is a number, or a word that ends in one
// after an underscore.
func numbered(s string) bool {
	digits := s[strings.LastIndexByte(s, '_')+1:]
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return digits != "" && len(digits) < len("1000000")
}

func isEmbedding(s string) bool {
	return strings.Contains(s, "embed") || strings.Contains(s, "embd") || s == "wte" || s == "wpe"
}
