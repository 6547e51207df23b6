package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/mstore/mstore/refs"
)

// SwitchOptions say which branch is to be current.
type SwitchOptions struct {
	Branch string
	Create bool   // make it first
	Rev    string // where; "": HEAD
}

// Switch makes a branch current and brings the models on disk to it, as Checkout does.
// Where it has the models of the current one, the models on disk stay as they are, what
// is not saved included, so that work can be saved on a branch that is made for it.
func (s *Store) Switch(ctx context.Context, o SwitchOptions) (*CheckoutResult, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if o.Create {
		if n, ok := sn.st.Names[o.Branch]; ok {
			return nil, as(ErrConflict, fmt.Errorf("there is a %s %q already", n.Kind, o.Branch))
		}
		if len(sn.st.SortedNames(Branch)) == 0 && o.Rev == "" { // the first version makes the branch
			return s.switchUnborn(o.Branch)
		}
		if _, err := s.SetName(ctx, Branch, o.Branch, o.Rev, false); err != nil {
			return nil, err
		}
		if sn, err = s.load(ctx); err != nil {
			return nil, err
		}
	}
	n, ok := sn.st.Names[o.Branch]
	if !ok {
		if sn, err = s.switchTracking(ctx, sn, o.Branch); err != nil {
			return nil, err
		}
		n, ok = sn.st.Names[o.Branch]
	}
	if !ok || n.Kind != Branch {
		if _, err := s.resolve(ctx, sn, o.Branch); err == nil {
			return nil, as(ErrNotFound, fmt.Errorf("%q is a version, not a branch ('mstore switch -c NAME %s' makes one there, 'mstore checkout %s' brings its models back)", o.Branch, o.Branch, o.Branch))
		}
		return nil, as(ErrNotFound, fmt.Errorf("no branch %q ('mstore switch -c %s' makes it)", o.Branch, o.Branch))
	}
	if err := s.resume(ctx); err != nil {
		return nil, err
	}
	w, err := s.readHead()
	if err != nil { // Checkout sets it again
		return s.Checkout(ctx, CheckoutOptions{Rev: o.Branch})
	}
	v, err := sn.version(ctx, n.To)
	if err != nil {
		return nil, err
	}
	head, _, err := sn.branchHead(ctx, w.Branch)
	if err != nil {
		return nil, err
	}
	if head == nil || head.Tree != v.Tree {
		return s.Checkout(ctx, CheckoutOptions{Rev: o.Branch})
	}
	res := &CheckoutResult{Version: v, Branch: o.Branch, Switched: w.Branch != o.Branch}
	w.Branch = o.Branch
	if res.Switched {
		if b, berr := s.basedOn(ctx, sn, head); berr == nil && b.inLine {
			s.basedOnHead(sn, o.Branch)
		}
		err = s.setHead(w)
	}
	return res, classify(err)
}

// switchUnborn makes a branch current that has no version yet.
func (s *Store) switchUnborn(branch string) (*CheckoutResult, error) {
	if err := refs.CheckName(branch); err != nil {
		return nil, classify(err)
	}
	w, err := s.readHead()
	if err != nil {
		w = workspace{}
	}
	res := &CheckoutResult{Branch: branch, Switched: w.Branch != branch}
	return res, classify(s.setHead(workspace{Branch: branch, Tree: w.Tree}))
}

// switchTracking makes a branch from the remote one of that name, if there is just one.
func (s *Store) switchTracking(ctx context.Context, sn *snapshot, branch string) (*snapshot, error) {
	var found []string
	for _, r := range remotes(sn.st) {
		if n, ok := sn.st.Names[r.Name+"/"+branch]; ok && n.Kind == Tracking {
			found = append(found, n.Name)
		}
	}
	switch len(found) {
	case 0:
		return sn, nil
	case 1:
	default:
		return nil, as(ErrAmbiguous, fmt.Errorf("no branch %q here, and %s have one: 'mstore switch -c %s %s' takes that one", branch, strings.Join(found, " and "), branch, found[0]))
	}
	if err := s.track(ctx, branch, found[0]); err != nil {
		return nil, err
	}
	return s.load(ctx)
}
