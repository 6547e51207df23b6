package store

import (
	"encoding/json"
	"fmt"
	"path"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
)

// workspace is what a working directory remembers. All of it may be lost.
type workspace struct {
	Branch string `json:"branch"`
	// Tree is the root of the tree that was checked out last, in hex: what of
	// it another version lacks, checkout removes.
	Tree string `json:"tree,omitempty"`
	// Onto, if set, is the version that a merge was about to make, in hex, and From the
	// tree of the one before: until the models on disk were brought from one to the other.
	Onto string `json:"onto,omitempty"`
	From string `json:"from,omitempty"`
}

const (
	headFile  = workDir + "/HEAD"
	localFile = workDir + "/config.json"
	tempDir   = workDir + "/tmp"
)

// head reads the workspace's state, or the default where there is none or it cannot be
// read.
func (s *Store) head() workspace {
	w, err := s.readHead()
	if err != nil {
		s.o.Warn(fmt.Sprintf("the workspace does not tell the current branch (%v); taking %s", err, DefaultBranch))
		return workspace{Branch: DefaultBranch}
	}
	return w
}

// readHead is head for those who must not take one branch for another.
func (s *Store) readHead() (workspace, error) {
	w := workspace{Branch: DefaultBranch}
	b, err := vfs.ReadFile(s.root, headFile, 1<<16)
	if err == nil {
		err = json.Unmarshal(b, &w)
	}
	if err != nil && !notExist(err) {
		return w, err
	}
	if w.Branch == "" {
		w.Branch = DefaultBranch
	}
	return w, nil
}

func (s *Store) setHead(w workspace) error {
	b, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return s.writeWork(headFile, append(b, '\n'), true)
}

// writeWork replaces a file of the workspace.
func (s *Store) writeWork(name string, b []byte, durable bool) error {
	if err := s.root.MkdirAll(path.Dir(name)); err != nil {
		return err
	}
	if err := vfs.WriteFileAtomic(s.root, name, b, durable); err != nil || !durable {
		return err
	}
	// Whoever made the directories above has perhaps not synced them: a current
	// branch that a power cut forgets lets the next commit go to another.
	for dir := path.Dir(path.Dir(name)); ; dir = path.Dir(dir) {
		if err := s.root.SyncDir(dir); err != nil || dir == "." {
			return err
		}
	}
}

func (s *Store) localConfig() (map[string]string, error) { return localConfig(s.root) }

// readLocal is localConfig where settings that cannot be read are none.
func readLocal(root vfs.FS) map[string]string {
	m, err := localConfig(root)
	if err != nil {
		return nil
	}
	return m
}

func localConfig(root vfs.FS) (map[string]string, error) {
	m := map[string]string{}
	b, err := vfs.ReadFile(root, localFile, 1<<20)
	if notExist(err) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the workspace's settings: %w", err)
	}
	return m, nil
}

// lastTree is the tree checked out last; zero when there was none.
func (w workspace) lastTree() objects.TreeID { return parseTree(w.Tree) }

func parseTree(s string) (id objects.TreeID) {
	if b, err := objects.ParseBlobID(s); err == nil {
		id = objects.TreeID(b)
	}
	return id
}
