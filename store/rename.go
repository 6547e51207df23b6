package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/refs"
)

// RenameBranch gives a branch ("": the current one) another name, by one journal entry,
// together with the settings that name it. The reflog of the old name ends with that
// of where it went, and that of the new one begins with where it came from.
func (s *Store) RenameBranch(ctx context.Context, old, name string) (*Name, error) {
	if err := refs.CheckName(name); err != nil {
		return nil, classify(err)
	}
	current := s.head().Branch
	old = cmp.Or(old, current)
	sn, err := s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		n, ok := sn.st.Names[old]
		if !ok || n.Kind != Branch {
			return nil, as(ErrNotFound, fmt.Errorf("no branch %q", old))
		}
		if name == old {
			return nil, nil
		}
		if err := nameFree(sn.st, name, old); err != nil {
			return nil, err
		}
		return append([]journal.Op{
			{Kind: journal.OpDeleteName, NameKind: Branch, Name: old, Target: n.To, Reason: "renamed to " + name},
			{Kind: journal.OpSetName, NameKind: Branch, Name: name, Target: n.To, Reason: "renamed from " + old},
		}, renameSettings(sn.st.Config, old, name)...), nil
	})
	if err != nil {
		return nil, err
	}
	if old == current && name != old {
		w, err := s.readHead()
		if err == nil {
			w.Branch = name
			err = s.setHead(w)
		}
		if err != nil {
			return nil, classify(fmt.Errorf("the branch is renamed, but this workspace does not know yet that it is on %s: %w", name, err))
		}
		current = name
	}
	return s.nameOf(ctx, sn, sn.st.Names[name], current)
}

// nameFree refuses a name that another has, but for one that goes.
func nameFree(st *journal.State, name, going string) error {
	for _, n := range st.Names {
		if n.Name != going && strings.EqualFold(n.Name, name) {
			return as(ErrConflict, fmt.Errorf("%q is taken: there is a %s %q", name, n.Kind, n.Name))
		}
	}
	return nil
}

// renameSettings makes the upstream settings that name a branch name another; with
// name "" they are taken away.
func renameSettings(config map[string]string, old, name string) (ops []journal.Op) {
	var keys []string
	for k := range config {
		if strings.HasPrefix(k, branchSetting) && strings.HasSuffix(k, upstreamSuffix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		to, value := k, config[k]
		if k == upstreamKey(old) {
			to = upstreamKey(name)
			ops = append(ops, journal.Op{Kind: journal.OpUnsetConfig, Key: k})
			if name == "" {
				continue
			}
		}
		if value == old && name != "" {
			value = name
		}
		if to != k || value != config[k] {
			ops = append(ops, journal.Op{Kind: journal.OpSetConfig, Key: to, Value: value})
		}
	}
	return ops
}

// deleteName are the operations that delete a name, and a branch's settings.
func deleteName(sn *snapshot, n journal.Name) []journal.Op {
	ops := []journal.Op{{Kind: journal.OpDeleteName, NameKind: n.Kind, Name: n.Name, Target: n.To, Reason: "deleted"}}
	if n.Kind == Branch {
		ops = append(ops, renameSettings(sn.st.Config, n.Name, "")...)
	}
	return ops
}
