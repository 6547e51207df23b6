package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/mstore/mstore/exchange"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
)

// CloneOptions say how to clone.
type CloneOptions struct {
	Location   string // the store that is cloned
	Dir        string // where; "": as the location is called
	Storage    string // where the new store lies, a directory or the URL of a bucket; "": in Dir
	Remote     string // what it is called there; "": origin
	Branch     string // that is checked out; "": main, or the only one, or the one that moved last
	NoCheckout bool
	Filter     exchange.Filter // which content comes along
}

// CloneResult is what Clone did.
type CloneResult struct {
	Dir      string
	Fetch    *ExchangeResult
	Branch   string          // that is current; "": there is none
	Checkout *CheckoutResult // nil: nothing was checked out
	Resumed  bool            // a clone that had been interrupted was finished
}

// cloneFile says that a clone is under way, and of what.
const cloneFile = workDir + "/clone"

type cloning struct {
	Location string `json:"location"`
	Remote   string `json:"remote"`
	Filter   string `json:"filter,omitempty"`
	Storage  string `json:"storage,omitempty"`
}

// Clone makes a store in a new directory, with all branches of another as remote ones,
// its tags and aliases, and checks one branch out. When it fails or is killed, saying
// it again goes on from there. A directory that has anything else in it is ErrConflict.
func Clone(ctx context.Context, c CloneOptions, o Options) (*Store, *CloneResult, error) {
	location, err := remoteLocation(c.Location)
	if err != nil {
		return nil, nil, err
	}
	c.Location, c.Remote = location, cmp.Or(c.Remote, DefaultRemote)
	if err := checkRemoteName(c.Remote); err != nil {
		return nil, nil, err
	}
	if c.Dir == "" {
		if c.Dir = NameOfLocation(location); c.Dir == "" {
			return nil, nil, as(ErrUsage, fmt.Errorf("say which directory to clone %q into", location))
		}
	}
	if c.Dir, err = filepath.Abs(c.Dir); err != nil {
		return nil, nil, err
	}
	res := &CloneResult{Dir: c.Dir}
	// What cannot be reached leaves no directory behind.
	probe, err := openStorage(ctx, location)
	if err != nil {
		return nil, nil, classify(err)
	}
	_, err = journal.New(probe.Backend, journal.Options{}).Load(ctx)
	if err == nil {
		err = probe.bundle.unmet(func(string) (bool, error) { return false, nil })
	}
	if err = errors.Join(err, probe.Close()); err != nil {
		return nil, nil, classify(fmt.Errorf("%s: %w", location, err))
	}
	if res.Resumed, err = c.begin(); err != nil {
		return nil, nil, err
	}
	o.StoreDir, o.Storage = "", c.Storage
	s, _, err := Init(ctx, c.Dir, o)
	if err != nil {
		return nil, nil, err
	}
	if err := s.clone(ctx, c, res); err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, res, nil
}

// NameOfLocation is what a clone of a store is called.
func NameOfLocation(location string) string {
	location, _, _ = strings.Cut(location, "?")
	name := path.Base(strings.TrimSuffix(filepath.ToSlash(location), "/"))
	if name == DirName {
		name = path.Base(path.Dir(strings.TrimSuffix(filepath.ToSlash(location), "/")))
	}
	if name == "." || name == "/" || strings.HasSuffix(name, ":") {
		return ""
	}
	return strings.TrimSuffix(name, DirName)
}

// begin takes the directory, if it is empty or a clone that is not finished; resumed
// tells which.
func (c *CloneOptions) begin() (resumed bool, err error) {
	if err := makeDurable(c.Dir); err != nil {
		return false, fmt.Errorf("making the directory: %w", err)
	}
	root, err := vfs.OpenRoot(c.Dir)
	if err != nil {
		return false, err
	}
	defer root.Close()
	want := cloning{Location: c.Location, Remote: c.Remote, Filter: c.Filter.String(), Storage: c.Storage}
	if b, err := vfs.ReadFile(root, cloneFile, 1<<16); err == nil {
		var was cloning
		if json.Unmarshal(b, &was) != nil || was != want {
			return false, as(ErrConflict, fmt.Errorf("%q holds a clone of %s that is not finished: finish it as it was begun, or remove the directory", c.Dir, cmp.Or(was.Location, "something else")))
		}
		return true, nil
	}
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return false, err
	}
	if len(entries) > 0 {
		return false, as(ErrConflict, fmt.Errorf("%q is not empty: clone into a new directory", c.Dir))
	}
	b, err := json.Marshal(want)
	if err == nil {
		err = root.MkdirAll(workDir)
	}
	if err == nil {
		err = vfs.WriteFileAtomic(root, cloneFile, b, true)
	}
	return false, err
}

func (s *Store) clone(ctx context.Context, c CloneOptions, res *CloneResult) error {
	if _, err := s.addRemote(ctx, c.Remote, c.Location, c.Filter); err != nil {
		return err
	}
	sn, err := s.load(ctx)
	if err != nil {
		return err
	}
	f, err := s.connect(ctx, sn, c.Remote)
	if err != nil {
		return err
	}
	defer f.Close()
	branch, err := f.mainBranch(c.Branch)
	if err != nil {
		return err
	}
	if res.Fetch, err = s.fetchFrom(ctx, f, FetchOptions{Remote: c.Remote, Tags: true, Aliases: true}); err != nil {
		return err
	}
	if res.Branch = branch; branch == "" {
		s.o.Warn("there is no version yet in what was cloned")
		return classify(s.root.Remove(cloneFile))
	}
	if err := s.track(ctx, branch, c.Remote+"/"+branch); err != nil {
		return err
	}
	w, err := s.readHead()
	if err != nil {
		w = workspace{}
	}
	w.Branch = branch
	if err := s.setHead(w); err != nil {
		return classify(err)
	}
	if len(c.Filter.Paths) > 0 {
		if err := s.SetConfig(ctx, checkoutPaths, strings.Join(c.Filter.Paths, "\n"), true); err != nil {
			return err
		}
	}
	if !c.NoCheckout {
		if res.Checkout, err = s.Checkout(ctx, CheckoutOptions{Rev: branch}); err != nil {
			return err
		}
	}
	return classify(s.root.Remove(cloneFile))
}

// mainBranch is the branch that a clone checks out; "" when there is none.
func (f *far) mainBranch(asked string) (string, error) {
	all := f.sn.st.SortedNames(Branch)
	if asked != "" {
		if n, ok := f.sn.st.Names[asked]; !ok || n.Kind != Branch {
			return "", as(ErrNotFound, fmt.Errorf("%s has no branch %q", f.remote.title(), asked))
		}
		return asked, nil
	}
	best := ""
	var moved uint64
	for _, n := range all {
		if n.Name == DefaultBranch {
			return n.Name, nil
		}
		if n.Moved > moved {
			best, moved = n.Name, n.Moved
		}
	}
	return best, nil
}

// track makes a branch at a remote one, unless it is there, and that one its upstream.
func (s *Store) track(ctx context.Context, branch, upstream string) error {
	_, err := s.update(ctx, func(sn *snapshot) (ops []journal.Op, err error) {
		up, ok := sn.st.Names[upstream]
		if !ok || up.Kind != journal.Remote {
			return nil, as(ErrNotFound, fmt.Errorf("no remote branch %q", upstream))
		}
		if _, ok := sn.st.Names[branch]; !ok {
			if err := nameFree(sn.st, branch, ""); err != nil {
				return nil, err
			}
			ops = append(ops, journal.Op{Kind: journal.OpSetName, NameKind: Branch, Name: branch, Target: up.To, Reason: "made from " + upstream})
		}
		if sn.st.Config[upstreamKey(branch)] != upstream {
			ops = append(ops, journal.Op{Kind: journal.OpSetConfig, Key: upstreamKey(branch), Value: upstream})
		}
		return ops, nil
	})
	return err
}
