package policy

import (
	"fmt"
	"slices"
	"strings"
)

// level is where a rule is set; later ones are more specific.
type level uint8

const (
	global level = iota
	ofModels
	ofBranches
)

const (
	prefix       = "gc."
	modelPrefix  = "gc.model."
	branchPrefix = "gc.branch."
)

// IsRule tells whether a config key is for the policy to judge: gc.RULE, and
// whatever begins with gc.keep-, gc.never-, gc.model. or gc.branch. The latter
// are refused when they name no rule, as leaving out a rule of a newer mstore
// would expire what that rule keeps.
func IsRule(key string) bool {
	name, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return false
	}
	if _, known := ruleOf(name); known {
		return true
	}
	for _, p := range []string{"keep-", "never-", "model.", "branch."} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// CheckSetting tells what is wrong with a setting for which IsRule holds, and
// accepts all others. Every error is a *SyntaxError.
func CheckSetting(key, value string) error {
	if !IsRule(key) {
		return nil
	}
	return new(Policy).set(key, value)
}

// Parse makes a policy of those settings for which IsRule holds; it ignores the
// others. Its error is that of the first wrong setting in the order of keys,
// and wraps a *SyntaxError.
func Parse(config map[string]string) (*Policy, error) {
	var keys []string
	for key := range config {
		if IsRule(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	p := &Policy{}
	for _, key := range keys {
		if err := p.set(key, config[key]); err != nil {
			return nil, fmt.Errorf("setting %s: %w", key, err)
		}
	}
	return p, nil
}

// Set changes a rule of the global level, as a command-line flag does for one
// run. Settings for models and branches still come before it. Every error is a
// *SyntaxError, and leaves the policy as it was.
func (p *Policy) Set(rule, value string) error {
	return p.put(global, "", rule, value)
}

// set applies a setting for which IsRule holds.
func (p *Policy) set(key, value string) error {
	for l, start := range map[level]string{ofModels: modelPrefix, ofBranches: branchPrefix} {
		rest, ok := strings.CutPrefix(key, start)
		if !ok {
			continue
		}
		dot := strings.LastIndexByte(rest, '.')
		if dot <= 0 {
			return &SyntaxError{Rule: key, Value: value, Pos: -1, Msg: "want " + start + "GLOB.RULE"}
		}
		return p.put(l, rest[:dot], rest[dot+1:], value)
	}
	return p.put(global, "", strings.TrimPrefix(key, prefix), value)
}

func (p *Policy) put(l level, pattern, name, value string) error {
	r, ok := ruleOf(name)
	if !ok {
		return &SyntaxError{Rule: name, Value: value, Pos: -1, Msg: "there is no such rule; there are " + strings.Join(ruleNames[:], ", ")}
	}
	if r == ttl && l != ofBranches {
		return &SyntaxError{Rule: name, Value: value, Pos: -1, Msg: "ttl is of branches only: gc.branch.GLOB.ttl"}
	}
	s, err := parseSetting(r, value)
	if err != nil {
		return err
	}
	switch l {
	case global:
		p.global[r] = s
	case ofModels:
		return putScope(&p.models, pattern, modelGlob, s)
	case ofBranches:
		return putScope(&p.branches, pattern, branchGlob, s)
	}
	return nil
}

// putScope adds a setting to the scope of a pattern. Scopes stand in the order
// in which they count.
func putScope(scopes *[]*scope, pattern string, parse func(string) (glob, error), s *setting) error {
	at, found := slices.BinarySearchFunc(*scopes, pattern, func(x *scope, pattern string) int {
		if d := len(pattern) - len(x.pattern); d != 0 {
			return d
		}
		return strings.Compare(x.pattern, pattern)
	})
	if !found {
		g, err := parse(pattern)
		if err != nil || oneLine(pattern) != pattern {
			return &SyntaxError{Rule: ruleNames[s.rule], Value: pattern, Pos: -1, Msg: "this is not a pattern; the wildcards are *, ?, [a-z] and **"}
		}
		*scopes = slices.Insert(*scopes, at, &scope{pattern: pattern, glob: g})
	}
	(*scopes)[at].rules[s.rule] = s
	return nil
}
