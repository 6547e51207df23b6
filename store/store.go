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
	// StoreDir names the store directory itself; the models' root is then the
	// directory given to Open or Init. Empty: found upward, as git does.
	StoreDir string
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
	// dial opens where another store lies; tests bring their own.
	dial    func(ctx context.Context, location string) (*storage, error)
	limits  exchange.Limits // of exchanges; tests make them small
	rootDir string
	dir     string
	closers []io.Closer

	mu  sync.Mutex
	set *pack.Set // of the newest snapshot, for what it has opened

	promisorMu sync.Mutex
	promisors  map[string]*promisor // by the name of the remote; those that were asked
}

// Init makes a store at dir, or finds the one there and completes what an
// interrupted Init left out; created tells which.
func Init(ctx context.Context, dir string, o Options) (s *Store, created bool, err error) {
	storeDir := o.StoreDir
	if storeDir == "" {
		storeDir = filepath.Join(dir, DirName)
	}
	if err := makeDurable(storeDir); err != nil {
		return nil, false, fmt.Errorf("making a store: %w", err)
	}
	if s, err = openDirs(dir, storeDir, o); err != nil {
		return nil, false, err
	}
	if created, err = s.init(ctx); err != nil {
		_ = s.Close()
		return nil, false, err
	}
	return s, created, nil
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
	if d, ok := s.b.(*backend.Dir); ok {
		if err := d.MakeDirs("objects", "journal"); err != nil {
			return false, classify(fmt.Errorf("making a store: %w", err))
		}
	}
	_, err = s.j.Load(ctx)
	if errors.Is(err, journal.ErrNotStore) {
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

// Open opens the store at dir or above it. Errors wrap ErrNoStore, ErrFormat or
// ErrDamaged.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	root, storeDir := dir, o.StoreDir
	if storeDir == "" {
		var err error
		if root, err = find(dir); err != nil {
			return nil, err
		}
		storeDir = filepath.Join(root, DirName)
	} else if !isStore(storeDir) {
		return nil, fmt.Errorf("%q: %w", storeDir, ErrNoStore)
	}
	s, err := openDirs(root, storeDir, o)
	if err != nil {
		return nil, err
	}
	if err := s.checkFormat(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// find looks for a store at dir and above.
func find(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(abs); err != nil {
		return "", as(ErrNotFound, err)
	}
	for at := abs; ; at = filepath.Dir(at) {
		if isStore(filepath.Join(at, DirName)) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%w: neither %q nor a directory above it has %s (make one with: mstore init)", ErrNoStore, abs, DirName)
		}
	}
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

func openDirs(rootDir, storeDir string, o Options) (*Store, error) {
	rootDir, err := filepath.Abs(rootDir)
	if err != nil {
		return nil, err
	}
	if storeDir, err = filepath.Abs(storeDir); err != nil {
		return nil, err
	}
	root, err := vfs.OpenRoot(rootDir)
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w", rootDir, err)
	}
	objs, err := vfs.OpenRoot(storeDir)
	if err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	b := backend.NewDir(objs)
	s := newStore(root, b, o)
	s.rootDir, s.dir = rootDir, storeDir
	s.index = index.Open(filepath.Join(rootDir, filepath.FromSlash(workDir), "index"), index.Options{})
	s.closers = []io.Closer{b, objs, root}
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
	return &Store{o: o, root: root, b: b, j: journal.New(b, journal.Options{Clock: o.Clock}), indexPays: indexPays, dial: openStorage}
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

// Dir is the store directory.
func (s *Store) Dir() string { return s.dir }

// inside tells where below the root the store lies; "" when it does not.
func (s *Store) inside() string {
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

// formatKey holds a line for people and for older programs: which format the
// store has. The journal and the packs say it again, with checksums.
const formatKey = "format"

var formatLine = fmt.Sprintf("mstore store, format %d\n", journal.Format)

func (s *Store) writeFormat(ctx context.Context) error {
	if err := s.checkFormat(ctx); err == nil {
		if _, err := s.b.Stat(ctx, formatKey); err == nil {
			return nil
		}
	}
	err := s.b.Put(ctx, formatKey, []byte(formatLine))
	if errors.Is(err, backend.ErrExists) {
		return s.checkFormat(ctx)
	}
	return err
}

// checkFormat refuses a store whose format line names a newer format. A line
// that is lost or unreadable is left to fsck.
func (s *Store) checkFormat(ctx context.Context) error {
	b, err := backend.ReadAll(ctx, s.b, formatKey, 256)
	if err != nil {
		return nil
	}
	var n int
	if _, err := fmt.Sscanf(string(b), "mstore store, format %d\n", &n); err != nil || n <= journal.Format {
		return nil
	}
	return fmt.Errorf("%q has format %d, this program reads up to %d: %w", s.dir, n, journal.Format, ErrFormat)
}
