package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mstore/mstore/exchange"
	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// DirName is the directory of a store, and of a workspace, at the root of the
// user's project.
const DirName = ".mstore"

// workDir is where the workspace lies, below the models' root.
const workDir = DirName + "/work"

// DefaultBranch is the branch of a new workspace.
const DefaultBranch = "main"

// Options are for Open and Init; the zero value is good.
type Options struct {
	// StoreDir names the store itself, a directory or the URL of a bucket; the models'
	// root is then the directory given to Open or Init. Empty: found upward, as git does.
	StoreDir string
	// Storage is for Init alone: where the store is to lie, a directory or the URL of a
	// bucket, from now on for whoever works in the models' root.
	Storage  string
	Release  string           // of the program, for the metadata of versions
	Clock    func() time.Time // nil: time.Now
	Warn     func(msg string) // nil: warnings are dropped
	Progress ProgressFunc     // nil: none
}

// ProgressFunc is told how a long operation goes on: bytes of models done and
// in all (0: not known). It may be called from several goroutines.
type ProgressFunc func(op string, done, total int64)

// Store is an open store with a workspace. It may be used concurrently.
type Store struct {
	o     Options
	root  vfs.FS // the models
	b     backend.Backend
	j     *journal.Journal
	index *index.Index
	// indexPays is the number of versions from which a question is answered by the index.
	indexPays uint64
	limits    exchange.Limits // of exchanges; tests make them small
	// helpers, if not nil, are the stores that repair takes from, instead of those of the
	// settings.
	helpers  []*other
	rootDir  string
	dir      string // the store's, if it lies in one
	location string // where the store lies: dir, or a URL
	// scratchDir is where large temporary files may be made; "": where the system does.
	scratchDir string
	closers    []io.Closer
	// dial, if not nil, opens where another store lies: tests have their own.
	dial func(ctx context.Context, location string) (*storage, error)

	mu  sync.Mutex
	set *pack.Set // of the newest snapshot, for what it has opened

	promisorMu sync.Mutex
	promisors  map[string]*promisor // by the name of the remote; those that were asked
}

// Init makes a store at dir, or finds the one there and completes what an
// interrupted Init left out; created tells which. With Options.Storage the store lies
// elsewhere and dir is attached to it. Errors wrap ErrConflict where dir has another
// store, and ErrUnsuitable where a store cannot be kept safely.
func Init(ctx context.Context, dir string, o Options) (s *Store, created bool, err error) {
	location := o.StoreDir
	if location == "" {
		location = o.Storage
	}
	if location == "" {
		if location, err = attached(dir); err != nil && !notExist(err) {
			return nil, false, err
		}
	}
	if location == "" {
		location = filepath.Join(dir, DirName)
	}
	if location, err = settle(location); err != nil {
		return nil, false, err
	}
	if o.StoreDir != "" && o.Storage != "" {
		if other, err := settle(o.Storage); err != nil || other != location {
			return nil, false, errors.Join(err, as(ErrUsage, fmt.Errorf("the store is named twice: %s and %s", LocationName(location), LocationName(o.Storage))))
		}
	}
	if o.Storage != "" {
		if err := makeDurable(dir); err != nil {
			return nil, false, fmt.Errorf("making %q: %w", dir, err)
		}
		if err := mayAttach(dir, location); err != nil {
			return nil, false, err
		}
	}
	if s, err = open(ctx, dir, location, newStorageAt, o); err != nil {
		return nil, false, err
	}
	created, err = s.init(ctx)
	if err == nil && created && s.dir == "" {
		err = s.inBucket(ctx)
	}
	if err == nil && o.Storage != "" && location != filepath.Join(s.rootDir, DirName) {
		err = classify(attach(dir, location))
	}
	if err != nil {
		_ = s.Close()
		return nil, false, err
	}
	return s, created, nil
}

// inBucket makes the settings of a new store in a bucket: engines keep copies of their
// own, and each put and get costs a request.
func (s *Store) inBucket(ctx context.Context) error {
	_, err := s.update(ctx, func(*snapshot) ([]journal.Op, error) {
		return []journal.Op{{Kind: journal.OpSetConfig, Key: "store.parity", Value: "off"}, {Kind: journal.OpSetConfig, Key: journal.RepeatSetting, Value: "all"}}, nil
	})
	return err
}

// makeDurable makes a directory with what is missing above it, and syncs where
// each of them stands: without that a power cut could take the store, and all
// versions that were acknowledged, with the directory's name.
func makeDurable(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	parents := []string{filepath.Dir(dir)} // also when an Init that was killed has made dir
	for at := filepath.Dir(dir); ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		parents = append(parents, filepath.Dir(at))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, p := range parents {
		root, err := vfs.OpenRoot(p)
		if errors.Is(err, os.ErrPermission) {
			continue
		}
		if err == nil {
			err = errors.Join(root.SyncDir("."), root.Close())
		}
		if err != nil && !errors.Is(err, os.ErrPermission) {
			return err
		}
	}
	return nil
}

func (s *Store) init(ctx context.Context) (created bool, err error) {
	if m, ok := s.b.(interface{ MakeDirs(...string) error }); ok {
		if err := m.MakeDirs("objects", "journal"); err != nil {
			return false, classify(fmt.Errorf("making a store: %w", err))
		}
	}
	_, err = s.j.Load(ctx)
	if errors.Is(err, journal.ErrNotStore) {
		if err := s.free(ctx); err != nil {
			return false, classify(err)
		}
		_, err = s.j.Init(ctx)
		created = err == nil
		if errors.Is(err, journal.ErrLost) { // somebody else made it just now
			err = nil
		}
	}
	if err != nil {
		return false, classify(fmt.Errorf("making a store: %w", err))
	}
	if err := s.writeFormat(ctx); err != nil {
		return created, classify(err)
	}
	return created, nil
}

// free tells whether a store may be made where none is.
func (s *Store) free(ctx context.Context) error {
	if s.dir != "" || s.location == "" {
		return nil
	}
	infos, err := s.b.List(ctx, pack.Prefix, "", 1)
	if err != nil {
		return fmt.Errorf("making a store: %w", err)
	}
	if len(infos) > 0 {
		return as(ErrConflict, fmt.Errorf("%s holds packs of a store but no journal: it is damaged, or something else; name another prefix", LocationName(s.location)))
	}
	return probe(ctx, s.b)
}

// Open opens the store at dir or above it. Errors wrap ErrNoStore, ErrFormat,
// ErrDenied, ErrUnavailable or ErrDamaged.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	root, location := dir, o.StoreDir
	var err error
	if location == "" {
		root, location, err = find(dir)
	}
	if err == nil {
		location, err = settle(location)
	}
	if err != nil {
		return nil, err
	}
	if !isURL(location) && !isStore(location) {
		return nil, fmt.Errorf("%q: %w", location, ErrNoStore)
	}
	s, err := open(ctx, root, location, openStorageWith, o)
	if err != nil {
		return nil, err
	}
	if !s.formatKnown() {
		if err := s.checkFormat(ctx); err != nil {
			_ = s.Close()
			return nil, err
		}
	}
	return s, nil
}

func isStore(dir string) bool {
	st, err := os.Stat(filepath.Join(dir, "journal"))
	return err == nil && st.IsDir()
}

// looksLikeStore tells whether dir is a store directory, whatever its name.
func looksLikeStore(dir string) bool {
	for _, name := range []string{"objects", "journal", formatKey} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// open joins a working directory and the store at a location.
func open(ctx context.Context, rootDir, location string, openIt func(context.Context, string, storageOptions) (*storage, error), o Options) (*Store, error) {
	rootDir, err := filepath.Abs(rootDir)
	if err != nil {
		return nil, err
	}
	var at *storage
	var root *vfs.Root
	var so storageOptions
	if isURL(location) { // the working directory's settings are needed first
		if root, err = vfs.OpenRoot(rootDir); err != nil {
			return nil, fmt.Errorf("opening %q: %w", rootDir, err)
		}
		so = cacheOptions(rootDir, readLocal(root), o)
		at, err = openIt(ctx, location, so)
	} else if at, err = openIt(ctx, location, so); err == nil { // may make rootDir
		root, err = vfs.OpenRoot(rootDir)
	}
	if err != nil {
		if root != nil {
			_ = root.Close()
		}
		if at != nil {
			_ = at.Close()
		}
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	s := newStore(root, at.Backend, o)
	s.rootDir, s.dir, s.location, s.scratchDir = rootDir, at.dir, at.location, so.spool
	s.index = index.Open(filepath.Join(rootDir, filepath.FromSlash(workDir), "index"), index.Options{})
	s.closers = []io.Closer{at, root}
	return s, nil
}

// newStore joins a models' root and a backend; tests bring their own.
func newStore(root vfs.FS, b backend.Backend, o Options) *Store {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	return &Store{o: o, root: root, b: b, j: journal.New(b, journal.Options{Clock: o.Clock}), indexPays: indexPays}
}

// Close releases what the Store holds open.
func (s *Store) Close() error {
	errs := []error{s.closePromisors()}
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Root is the directory that the models' paths are relative to.
func (s *Store) Root() string { return s.rootDir }

// Dir is the store directory; "" for a store that does not lie in one.
func (s *Store) Dir() string { return s.dir }

// Location is where the store lies: its directory, or the URL of a bucket. It is what
// Options.StoreDir takes, and holds no secret.
func (s *Store) Location() string { return s.location }

// inside tells where below the root the store lies; "" when it does not.
func (s *Store) inside() string {
	if s.dir == "" {
		return ""
	}
	rel, err := filepath.Rel(s.rootDir, s.dir)
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel)
}

// snapshot is the store at one moment.
type snapshot struct {
	s  *Store
	st *journal.State
	h  *journal.History
	r  *objects.Reader // of what is here
	// content is r, and gets from other stores what they have promised.
	content *objects.Reader

	namesOnce sync.Once
	names     map[objects.VersionID][]journal.Name

	grace     time.Duration // how long what was let go is kept
	expiredMu sync.Mutex
	expired   map[objects.BlobID]*Expiry // nil: not read yet
	last      map[objects.BlobID]uint64  // nil: not needed yet

	promiseMu sync.Mutex
	promised  map[objects.BlobID]string // the remote that promises it; nil: not needed yet
	// leftOut is content that the note of a bundle says is left out; nil: none.
	leftOut map[objects.BlobID]bool
	// readThrough: what is promised cannot be stored here.
	readThrough atomic.Bool
}

// load returns the newest snapshot.
func (s *Store) load(ctx context.Context) (*snapshot, error) {
	st, err := s.j.Load(ctx)
	if errors.Is(err, journal.ErrNotStore) && isURL(s.location) {
		err = fmt.Errorf("%s holds no store: correct its name, or make one there with 'mstore init --storage URL': %w", LocationName(s.location), err)
	}
	if err != nil {
		return nil, classify(err)
	}
	return s.snapshotOf(st), nil
}

func (s *Store) snapshotOf(st *journal.State) *snapshot {
	set := s.packSet(st)
	r := objects.NewReader(s.b, set)
	r.Reload = func(ctx context.Context) (*pack.Set, error) {
		now, err := s.j.Load(ctx)
		if err != nil {
			return nil, err
		}
		return s.packSet(now), nil
	}
	sn := &snapshot{s: s, st: st, h: s.j.History(st), r: r, content: r, grace: graceOf(st)}
	if len(promising(st)) > 0 {
		sn.content = r.Promising(sn.fetchMissing)
	}
	return sn
}

func (s *Store) packSet(st *journal.State) *pack.Set {
	set := pack.NewSet(s.b, st.Packs, st.Segments, st.Hidden())
	set.Filters = st.Filters
	set.Recover = func(ctx context.Context) ([]pack.Info, error) { return s.j.History(st).LivePacks(ctx) }
	s.mu.Lock()
	defer s.mu.Unlock()
	set.Inherit(s.set)
	s.set = set
	return set
}

func (sn *snapshot) tree(id objects.TreeID) *objects.Tree { return objects.OpenTree(id, sn.r) }

func newPackName() (n pack.Name) {
	if _, err := rand.Read(n[:]); err != nil {
		panic(err) // never returns an error since Go 1.24
	}
	return n
}
