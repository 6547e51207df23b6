package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/mstore/mstore/objects"
)

// Brought is what was done to the models on disk when their branch moved on.
type Brought struct {
	Written, Removed int
	Bytes            int64          // written
	Left             []string       // models that hold something else than was saved: they were left alone
	Safety           string         // what the store could not give back and was overwritten: safety/TIME; "" for nothing
	Expired          []ExpiredModel // models that retention let go: what is on disk was left
}

// step is how one model changes; nil where there is none.
type step struct {
	path     string
	from, to *objects.TreeEntry
}

func (s *Store) newBringing(sn *snapshot, v *Version) *checkout {
	c := s.newCheckout(sn, CheckoutOptions{}, v)
	c.cache = s.openStatCache()
	return c
}

// steps plans to bring models on disk forward. It returns those that hold something
// else than where they are to come from: they are left alone.
func (c *checkout) steps(ctx context.Context, steps []step) (other []string, err error) {
	for _, removals := range []bool{true, false} { // a directory may be where a model was, and the reverse
		for _, st := range steps {
			if (st.to == nil) != removals {
				continue
			}
			if err := checkPath(st.path); err != nil {
				return nil, fmt.Errorf("the version holds a name that cannot be written: %w", err)
			}
			same, err := c.step(ctx, st)
			if err != nil {
				return nil, err
			}
			if !same {
				other = append(other, st.path)
			}
		}
	}
	return other, nil
}

// step plans one; false when the model holds something else than it should.
func (c *checkout) step(ctx context.Context, st step) (bool, error) {
	if st.to == nil {
		fi, err := lstat(c.fs, st.path)
		if notExist(err) || errors.Is(err, ErrUsage) || err == nil && !fi.Mode().IsRegular() {
			return true, nil // gone already
		}
	}
	if st.to != nil && c.elsewhere(st.path) {
		return true, nil
	}
	id, fi, err := c.look(ctx, st.path)
	switch {
	case err != nil:
		return false, err
	case fi != nil && st.to != nil && id == st.to.Blob:
		return true, nil
	case fi != nil && (st.from == nil || id != st.from.Blob):
		return false, nil
	case st.to == nil:
		c.remove = append(c.remove, *st.from)
		c.going[st.path] = true
	default:
		x, err := c.sn.expiry(ctx, st.to.Blob)
		if err != nil {
			return false, err
		}
		if x != nil {
			c.res.Expired = append(c.res.Expired, ExpiredModel{st.path, x})
			return true, nil
		}
		c.write = append(c.write, &target{TreeEntry: *st.to})
	}
	if fi == nil {
		return true, nil
	}
	return true, c.replace(ctx, st.path, id, fi)
}

// unsaved refuses when a model that is to change holds on disk what was not saved.
func (s *Store) unsaved(ctx context.Context, sn *snapshot, what string, steps []step) error {
	c := s.newBringing(sn, nil)
	c.scratch = true // nothing is going to be overwritten
	other, err := c.steps(ctx, steps)
	if err != nil {
		return err
	}
	if len(other) == 0 {
		c.cache.save()
		return nil
	}
	return as(ErrConflict, &UnsavedError{What: what, Paths: other})
}

// UnsavedError: models that were to change hold on disk what was not saved.
type UnsavedError struct {
	What  string // was refused: "merge exp"
	Paths []string
}

func (e *UnsavedError) Error() string {
	const most = 10
	text := fmt.Sprintf("%s would change what is not saved on the branch: ", e.What)
	for i, p := range e.Paths {
		if i == most {
			text += fmt.Sprintf(" and %d more", len(e.Paths)-most)
			break
		}
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", p)
	}
	return text + "; nothing was changed"
}

// bring brings the models on disk from a tree to a version of the current branch:
// those that hold what the tree says, or are not there.
func (s *Store) bring(ctx context.Context, sn *snapshot, v *Version, from objects.TreeID) (*Brought, error) {
	c := s.newBringing(sn, v)
	defer c.cleanUp()
	c.bare = true
	var steps []step
	for d, err := range objects.DiffTrees(ctx, sn.tree(from), sn.tree(v.Tree)) {
		if err != nil {
			return nil, classify(err)
		}
		steps = append(steps, step{d.Path, d.From, d.To})
	}
	other, err := c.steps(ctx, steps)
	for _, do := range []func(context.Context) error{c.stage, c.saveUnsafe, c.apply} {
		if err == nil {
			err = do(ctx)
		}
	}
	if err != nil {
		return nil, classify(fmt.Errorf("%s is made, but the models on disk were not all brought to it ('mstore checkout' does): %w", v.Name, err))
	}
	c.cache.save()
	w := s.head()
	if err := s.basedOnBrought(ctx, sn, v, from, steps, other); err != nil {
		return nil, err
	}
	w.Tree, w.Onto, w.From = hex.EncodeToString(v.Tree[:]), "", ""
	return &Brought{Written: c.res.Written, Removed: c.res.Removed, Bytes: c.res.Bytes, Left: other, Safety: c.res.SafetyName, Expired: c.res.Expired}, classify(s.setHead(w))
}

// announce writes down which version is about to be made, and from which tree the models
// on disk then come: should the process die before it has brought them there, resume
// does.
func (s *Store) announce(id objects.VersionID, from objects.TreeID) error {
	w, err := s.readHead()
	if err != nil {
		return err
	}
	w.Onto, w.From = id.String(), hex.EncodeToString(from[:])
	return s.setHead(w)
}

// withdraw takes an announcement back.
func (s *Store) withdraw() {
	w, err := s.readHead()
	if err != nil || w.Onto == "" {
		return
	}
	w.Onto, w.From = "", ""
	_ = s.setHead(w) // a version that is not there is not looked for on disk
}

// interrupted returns the version that an interrupted merge has made without bringing
// the models on disk to it; nil for none.
func (s *Store) interrupted(ctx context.Context, sn *snapshot) (*Version, error) {
	w, err := s.readHead()
	if err != nil || w.Onto == "" {
		return nil, nil
	}
	found, err := sn.h.FindID(ctx, w.Onto, 1)
	n, ok := sn.st.Names[w.Branch]
	if err != nil || len(found) == 0 || !ok {
		return nil, classify(err)
	}
	// Others may have gone on from it.
	if at, err := sn.h.FindSeq(ctx, n.To, found[0].Seq); err != nil || at != found[0] {
		return nil, nil
	}
	return sn.version(ctx, found[0])
}

// resume finishes what a merge was killed at after it had made its version.
func (s *Store) resume(ctx context.Context) error {
	if w, err := s.readHead(); err != nil || w.Onto == "" {
		return nil
	}
	sn, err := s.load(ctx)
	if err != nil {
		return err
	}
	v, err := s.interrupted(ctx, sn)
	if err != nil || v == nil {
		return err
	}
	did, err := s.bring(ctx, sn, v, parseTree(s.head().From))
	if err != nil {
		return err
	}
	s.o.Warn(fmt.Sprintf("the merge that made %s was interrupted; the models on disk are now those of %s (%d written, %d removed)", v.Name, v.Name, did.Written, did.Removed))
	s.warnLeft(v, did)
	return nil
}

// warnLeft tells of models that were changed on disk while the branch moved on.
func (s *Store) warnLeft(v *Version, did *Brought) {
	for _, p := range did.Left {
		s.o.Warn(fmt.Sprintf("%q holds what is not saved and was left alone; %s has another", p, v.Name))
	}
}
