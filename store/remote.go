package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mstore/mstore/exchange"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/refs"
)

// Settings of remotes, other stores that versions are exchanged with. They are shared.
const (
	remoteSetting = "remote."
	remoteURL     = "url"
	remoteID      = "id"      // of the store, in hex, learnt when it was first reached
	remotePartial = "partial" // which content is fetched: what exchange.ParseFilter reads
	remoteMirror  = "mirror"
)

// DefaultRemote is the remote that Clone makes.
const DefaultRemote = "origin"

func remoteKey(name, what string) string { return remoteSetting + name + "." + what }

// Remote is another store.
type Remote struct {
	Name   string
	URL    string
	ID     string          // of the store, in hex; "": it was not reached yet
	Filter exchange.Filter // which content is fetched
	Mirror bool
	// Branches are those that it had when it was last looked at, by name.
	Branches []Name
}

// checkRemoteName tells why a remote cannot have a name.
func checkRemoteName(name string) error {
	err := refs.CheckName(name)
	switch {
	case err != nil:
	case strings.ContainsAny(name, "/."):
		err = fmt.Errorf("%q: the name of a remote holds no slash and no dot", name)
	case slices.Contains([]string{"safety", "quarantine", "incoming"}, strings.ToLower(name)):
		err = fmt.Errorf("%q: names below it are made by mstore", name)
	}
	if err != nil {
		return as(ErrUsage, err)
	}
	return nil
}

// checkRemoteSetting looks at a setting remote.NAME.WHAT.
func checkRemoteSetting(key, value string) error {
	name, what, _ := strings.Cut(strings.TrimPrefix(key, remoteSetting), ".")
	if err := checkRemoteName(name); err != nil {
		return err
	}
	switch what {
	case remoteURL:
		if value == "" {
			return errors.New("a remote needs a URL")
		}
		return nil
	case remoteID:
		return nil
	case remotePartial:
		_, err := exchange.ParseFilter(value)
		return err
	case remoteMirror:
		return checkBool(value)
	}
	return errors.New("of remotes there are url, id, partial and mirror")
}

// remoteLocation makes a location absolute, unless it is a URL.
func remoteLocation(location string) (string, error) {
	if location == "" {
		return "", as(ErrUsage, errors.New("a remote needs a directory or a URL"))
	}
	if strings.Contains(location, "://") {
		return checkURL(location) // all who use the store see it
	}
	abs, err := filepath.Abs(location)
	if err != nil {
		return "", as(ErrUsage, err)
	}
	return abs, nil
}

// remotes lists the remotes of a state, by name.
func remotes(st *journal.State) []Remote {
	var out []Remote
	for _, key := range slices.Sorted(maps.Keys(st.Config)) {
		name, ok := strings.CutPrefix(key, remoteSetting)
		if !ok {
			continue
		}
		if name, ok = strings.CutSuffix(name, "."+remoteURL); !ok || checkRemoteName(name) != nil {
			continue
		}
		r := Remote{Name: name, URL: st.Config[key], ID: st.Config[remoteKey(name, remoteID)], Mirror: st.Config[remoteKey(name, remoteMirror)] == "true"}
		r.Filter, _ = exchange.ParseFilter(st.Config[remoteKey(name, remotePartial)])
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Remote) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func findRemote(st *journal.State, name string) (Remote, error) {
	all := remotes(st)
	var names []string
	for _, r := range all {
		if r.Name == name {
			return r, nil
		}
		names = append(names, r.Name)
	}
	if len(names) == 0 {
		return Remote{}, as(ErrNotFound, fmt.Errorf("no remote %q: there is none yet ('mstore remote add %s URL' adds one)", name, name))
	}
	return Remote{}, as(ErrNotFound, fmt.Errorf("no remote %q; there are %s", name, strings.Join(names, ", ")))
}

// Remotes lists the remotes, by name.
func (s *Store) Remotes(ctx context.Context) ([]Remote, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	out := remotes(sn.st)
	for i := range out {
		for _, n := range remoteBranches(sn.st, out[i].Name) {
			x, err := s.nameOf(ctx, sn, n, "")
			if err != nil {
				return nil, err
			}
			out[i].Branches = append(out[i].Branches, *x)
		}
	}
	return out, nil
}

// remoteBranches lists where the branches of a remote were, by name.
func remoteBranches(st *journal.State, remote string) (out []journal.Name) {
	for _, n := range st.SortedNames(journal.Remote) {
		if strings.HasPrefix(n.Name, remote+"/") {
			out = append(out, n)
		}
	}
	return out
}

// AddRemote makes another store known by a name. A directory is stored by its absolute
// path. Whether there is a store is found out when it is first reached.
func (s *Store) AddRemote(ctx context.Context, name, location string) (*Remote, error) {
	return s.addRemote(ctx, name, location, exchange.Filter{})
}

func (s *Store) addRemote(ctx context.Context, name, location string, filter exchange.Filter) (*Remote, error) {
	if err := checkRemoteName(name); err != nil {
		return nil, err
	}
	location, err := remoteLocation(location)
	if err != nil {
		return nil, err
	}
	sn, err := s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		for _, r := range remotes(sn.st) {
			if r.Name == name && r.URL == location && r.Filter.String() == filter.String() {
				return nil, nil
			}
			if strings.EqualFold(r.Name, name) {
				return nil, as(ErrConflict, fmt.Errorf("there is a remote %q already, at %s ('mstore remote set-url' gives it another location)", r.Name, r.URL))
			}
		}
		ops := []journal.Op{{Kind: journal.OpSetConfig, Key: remoteKey(name, remoteURL), Value: location}}
		if !filter.All() {
			ops = append(ops, journal.Op{Kind: journal.OpSetConfig, Key: remoteKey(name, remotePartial), Value: filter.String()})
		}
		return ops, nil
	})
	if err != nil {
		return nil, err
	}
	r, err := findRemote(sn.st, name)
	return &r, err
}

// SetRemoteURL gives a remote another location. It must be the same store there, or
// nothing is exchanged with it.
func (s *Store) SetRemoteURL(ctx context.Context, name, location string) (*Remote, error) {
	location, err := remoteLocation(location)
	if err != nil {
		return nil, err
	}
	sn, err := s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		r, err := findRemote(sn.st, name)
		if err != nil || r.URL == location {
			return nil, err
		}
		return []journal.Op{{Kind: journal.OpSetConfig, Key: remoteKey(name, remoteURL), Value: location}}, nil
	})
	if err != nil {
		return nil, err
	}
	r, err := findRemote(sn.st, name)
	return &r, err
}

// RemoveRemote forgets a remote, and where its branches were: content that nothing
// else names is let go in time, as the policy says. It returns how many branches that
// were.
func (s *Store) RemoveRemote(ctx context.Context, name string) (branches int, err error) {
	_, err = s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		r, err := findRemote(sn.st, name)
		if err != nil {
			return nil, err
		}
		list := remoteBranches(sn.st, name)
		branches = len(list)
		var ops []journal.Op
		for _, n := range list {
			ops = append(ops, journal.Op{Kind: journal.OpDeleteName, NameKind: n.Kind, Name: n.Name, Target: n.To, Reason: "the remote was removed"})
			ops = append(ops, settingsNaming(sn.st.Config, n.Name, "")...)
		}
		if r.ID != "" {
			for _, n := range sn.st.SortedNames(journal.Remote) {
				if n.IsIncoming() && strings.HasPrefix(n.Name, journal.Incoming+r.ID[:min(len(r.ID), 16)]+"/") {
					ops = append(ops, journal.Op{Kind: journal.OpDeleteName, NameKind: n.Kind, Name: n.Name, Target: n.To, Reason: "the remote was removed"})
				}
			}
		}
		for _, key := range slices.Sorted(maps.Keys(sn.st.Config)) {
			if strings.HasPrefix(key, remoteKey(name, "")) {
				ops = append(ops, journal.Op{Kind: journal.OpUnsetConfig, Key: key})
			}
		}
		return ops, nil
	})
	return branches, err
}

// RenameRemote gives a remote, and where its branches were, another name.
func (s *Store) RenameRemote(ctx context.Context, old, name string) (*Remote, error) {
	if err := checkRemoteName(name); err != nil {
		return nil, err
	}
	sn, err := s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		if _, err := findRemote(sn.st, old); err != nil || old == name {
			return nil, err
		}
		for _, r := range remotes(sn.st) {
			if r.Name != old && strings.EqualFold(r.Name, name) {
				return nil, as(ErrConflict, fmt.Errorf("there is a remote %q already", r.Name))
			}
		}
		var ops []journal.Op
		for _, n := range remoteBranches(sn.st, old) {
			to := name + strings.TrimPrefix(n.Name, old)
			if err := nameFree(sn.st, to, n.Name); err != nil {
				return nil, err
			}
			ops = append(ops,
				journal.Op{Kind: journal.OpDeleteName, NameKind: n.Kind, Name: n.Name, Target: n.To, Reason: "renamed to " + to},
				journal.Op{Kind: journal.OpSetName, NameKind: n.Kind, Name: to, Target: n.To, Reason: "renamed from " + n.Name})
			ops = append(ops, settingsNaming(sn.st.Config, n.Name, to)...)
		}
		for _, key := range slices.Sorted(maps.Keys(sn.st.Config)) {
			if what, ok := strings.CutPrefix(key, remoteKey(old, "")); ok {
				ops = append(ops, journal.Op{Kind: journal.OpUnsetConfig, Key: key}, journal.Op{Kind: journal.OpSetConfig, Key: remoteKey(name, what), Value: sn.st.Config[key]})
			}
		}
		return ops, nil
	})
	if err != nil {
		return nil, err
	}
	r, err := findRemote(sn.st, name)
	return &r, err
}

// settingsNaming makes upstreams that are a branch of a remote another; "" for none.
func settingsNaming(config map[string]string, old, name string) (ops []journal.Op) {
	for _, k := range slices.Sorted(maps.Keys(config)) {
		if !strings.HasPrefix(k, branchSetting) || !strings.HasSuffix(k, upstreamSuffix) || config[k] != old {
			continue
		}
		op := journal.Op{Kind: journal.OpUnsetConfig, Key: k}
		if name != "" {
			op = journal.Op{Kind: journal.OpSetConfig, Key: k, Value: name}
		}
		ops = append(ops, op)
	}
	return ops
}
