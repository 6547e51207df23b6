package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/mstore/mstore/internal/vfs"
)

// storageFile says in one line where the store of a working directory lies, if it does
// not lie below DirName itself.
const storageFile = DirName + "/storage"

// maxLocation bounds the line.
const maxLocation = 4096

// attached tells where the store of the working directory at root lies; "" when it lies
// in root itself, or there is none.
func attached(root string) (string, error) {
	f, err := vfs.OpenRoot(root)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := vfs.ReadFile(f, storageFile, maxLocation)
	if notExist(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading where the store lies: %w", err)
	}
	line, rest, _ := strings.Cut(string(b), "\n")
	line = strings.TrimSpace(line)
	if line == "" || strings.TrimSpace(rest) != "" || !isURL(line) && !filepath.IsAbs(line) {
		return "", as(ErrNoStore, fmt.Errorf("%q does not say where the store lies, in one line: write the URL into it, or remove it and say: mstore init --storage URL", filepath.Join(root, filepath.FromSlash(storageFile))))
	}
	return line, nil
}

// settle makes a location absolute and writes it in the one way that is kept.
func settle(location string) (string, error) {
	if isURL(location) {
		return checkURL(location)
	}
	dir, err := filepath.Abs(location)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(dir, "\n\r") {
		return "", as(ErrUsage, fmt.Errorf("%q: a store cannot lie in a directory with a line break in its name", dir))
	}
	if isStore(filepath.Join(dir, DirName)) {
		dir = filepath.Join(dir, DirName)
	}
	return dir, nil
}

// mayAttach refuses to attach a working directory that has another store.
func mayAttach(root, location string) error {
	have, err := attached(root)
	if err != nil {
		return err
	}
	if have != "" {
		if same, err := settle(have); err == nil && same == location {
			return nil
		}
		old, other := LocationName(have), LocationName(location)
		if old == other { // other parameters
			old, other = have, location
		}
		return as(ErrConflict, fmt.Errorf("%q is attached to %s already, not to %s; to attach it to another store remove %s first (nothing that is saved is lost by it)",
			root, old, other, filepath.Join(root, filepath.FromSlash(storageFile))))
	}
	if own := filepath.Join(root, DirName); isStore(own) && own != location {
		return as(ErrConflict, fmt.Errorf("%q has a store of its own in %s; attach another directory, and bring the versions there with 'mstore remote add' and 'mstore push'", root, own))
	}
	return nil
}

// attach writes down where the store of the working directory lies.
func attach(root, location string) error {
	f, err := vfs.OpenRoot(root)
	if err != nil {
		return err
	}
	defer f.Close()
	if have, err := attached(root); err == nil && have == location {
		return nil
	}
	if err := f.MkdirAll(DirName); err != nil {
		return err
	}
	err = vfs.WriteFileAtomic(f, storageFile, []byte(location+"\n"), true)
	if err == nil {
		err = f.SyncDir(".")
	}
	if err != nil {
		return fmt.Errorf("noting where the store lies: %w", err)
	}
	return nil
}

// find looks for a working directory with a store at dir and above, and tells where its
// store lies.
func find(dir string) (root, location string, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", "", err
	}
	if _, err := os.Stat(abs); err != nil {
		return "", "", as(ErrNotFound, err)
	}
	for at := abs; ; at = filepath.Dir(at) {
		own := filepath.Join(at, DirName)
		if _, err := os.Lstat(filepath.Join(at, filepath.FromSlash(storageFile))); err == nil {
			location, err := attached(at)
			if err == nil && location != "" && isStore(own) && location != own {
				err = as(ErrConflict, fmt.Errorf("%q holds a store and says that it lies in %s: remove the file storage there, or move the store away", own, LocationName(location)))
			}
			return at, location, err
		}
		if isStore(own) {
			return at, own, nil
		}
		if at == filepath.Dir(at) {
			return "", "", fmt.Errorf("%w: neither %q nor a directory above it has %s (make one with: mstore init)", ErrNoStore, abs, DirName)
		}
	}
}

// The settings of the cache, which are those of the working directory alone: they are
// needed before the store can be read.
const (
	cacheDirSetting  = "cache.dir"
	cacheSizeSetting = "cache.size"
	defaultCacheSize = 2 << 30
	cacheSubdir      = workDir + "/cache"
)

func checkSize(v string) error {
	if v == "off" {
		return nil
	}
	if n, err := humanize.ParseBytes(v); err != nil || n >= 1<<60 {
		return fmt.Errorf("%q is not off, and not a size such as 500MB or 2GiB", v)
	}
	return nil
}

// cacheOptions tells where copies of what lies in a bucket are kept, and how many.
func cacheOptions(rootDir string, local map[string]string, o Options) storageOptions {
	so := storageOptions{cacheDir: filepath.Join(rootDir, filepath.FromSlash(cacheSubdir)), cacheMax: defaultCacheSize, warn: o.Warn}
	so.spool = filepath.Join(so.cacheDir, "spool")
	if dir := local[cacheDirSetting]; dir != "" {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(rootDir, filepath.FromSlash(dir))
		}
		so.cacheDir = dir
	}
	switch v := local[cacheSizeSetting]; v {
	case "":
	case "off":
		so.cacheMax = 0
	default:
		if n, err := humanize.ParseBytes(v); err == nil && n < 1<<60 {
			so.cacheMax = int64(n)
		}
	}
	return so
}

// openStorage opens where another store lies, with this one's cache.
func (s *Store) openStorage(ctx context.Context, location string) (*storage, error) {
	if s.dial != nil {
		return s.dial(ctx, location)
	}
	if s.rootDir == "" || !isURL(location) { // or a store in memory
		return openStorage(ctx, location)
	}
	return openStorageWith(ctx, location, cacheOptions(s.rootDir, readLocal(s.root), s.o))
}

// newStorageAt makes room for a store and opens where it is to lie.
func newStorageAt(ctx context.Context, location string, o storageOptions) (*storage, error) {
	if !isURL(location) {
		if err := makeDurable(location); err != nil {
			return nil, fmt.Errorf("making a store: %w", err)
		}
	}
	x, err := openStorageWith(ctx, location, o)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("making a store: %w", err)
	}
	return x, err
}
