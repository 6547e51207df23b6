package backend

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
)

// SyncDirs makes durable which keys are directly below these prefixes: what was deleted
// there does not come back after a power cut. One that is not there is passed over.
func (d *Dir) SyncDirs(names ...string) error {
	for _, name := range names {
		if err := d.fs.SyncDir(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return dirError("syncing", name, err)
		}
	}
	return nil
}

// MakeDirs makes directories of keys ("objects", "journal") with what is
// missing above them, and syncs the directories above them whether or not
// anything was missing: after nil they are durable. It makes puts into them
// cost no more than two syncs, and closes the gap that a process leaves that
// died between making a directory and syncing it.
func (d *Dir) MakeDirs(dirs ...string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, dir := range dirs {
		if err := checkKey("making directory", dir); err != nil {
			return err
		}
		for _, p := range append(ancestors(dir), dir) {
			if err := d.mkdirLocked(p); err != nil {
				return writeError("making directory", p, err)
			}
		}
	}
	return d.settleLocked()
}

// makeMissing makes a directory that a put found missing.
func (d *Dir) makeMissing(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range append(ancestors(dir), dir) {
		if _, err := d.fs.Lstat(p); err == nil {
			continue
		}
		if err := d.mkdirLocked(p); err != nil {
			return err
		}
	}
	return d.settleLocked()
}

// mkdirLocked makes a directory or finds it made, and notes that it may not be
// durable: whoever made it may not have come to the sync.
func (d *Dir) mkdirLocked(dir string) error {
	err := d.fs.Mkdir(dir)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err != nil {
		if _, statErr := d.fs.Lstat(dir); statErr != nil {
			return err
		}
	}
	d.unsynced[dir] = true
	return err
}

// settle waits for directories that are being made and makes durable those that
// an earlier call left half done.
func (d *Dir) settle() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.settleLocked()
}

func (d *Dir) settleLocked() error {
	synced := map[string]bool{}
	for _, dir := range slices.Sorted(maps.Keys(d.unsynced)) {
		parent := path.Dir(dir)
		if !synced[parent] {
			if err := d.fs.SyncDir(parent); err != nil {
				return writeError("syncing directory", parent, err)
			}
			synced[parent] = true
		}
		delete(d.unsynced, dir)
	}
	return nil
}

// ancestors returns the directories above dir, the topmost first, without the
// root.
func ancestors(dir string) []string {
	var up []string
	for i, c := range dir {
		if c == '/' {
			up = append(up, dir[:i])
		}
	}
	return up
}
