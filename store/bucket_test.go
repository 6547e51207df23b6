package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend/bucket"
	"github.com/mstore/mstore/internal/backend/bucket/buckettest"
	"github.com/mstore/mstore/internal/vfs"
)

// onBucketEnv, if set, has the tests' stores lie in a bucket, below a cache.
const onBucketEnv = "MSTORE_TEST_BUCKET"

func newBucketStore(t testing.TB, root vfs.FS, clock func() time.Time) *Store {
	t.Helper()
	server := buckettest.New(t, buckettest.Options{})
	b, err := bucket.Open(t.Context(), server.URL(), bucket.Options{SpoolDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCache(b, t.TempDir(), 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); b.Close() })
	s := newStore(root, c, Options{Clock: clock})
	if _, err := s.init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// bucketStore opens the store at a URL for the models in dir, as a command does.
func bucketStore(t testing.TB, dir, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, Options{StoreDir: url, Clock: testClock()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func putFile(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	name = filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestRequests counts the requests of what is done most, each by a command of its own,
// as a server gets them.
func TestRequests(t *testing.T) {
	for _, c := range []struct {
		name            string
		models, commits int
	}{
		{"new", 1, 1},
		{"folded", 200, 135},
		{"half-way", 200, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := buckettest.New(t, buckettest.Options{})
			dir, url := t.TempDir(), server.URL()
			if _, _, err := initAt(t, dir, Options{StoreDir: url}); err != nil {
				t.Fatal(err)
			}
			for i := range c.models {
				putFile(t, dir, "m/"+string(rune('a'+i%26))+"/"+string(rune('a'+i/26))+".json", model(uint64(i), 3000))
			}
			save(t, bucketStore(t, dir, url), CommitOptions{Paths: []string{"."}})
			for i := range c.commits {
				putFile(t, dir, "n.json", model(uint64(1000+i), 2000))
				save(t, bucketStore(t, dir, url), CommitOptions{Paths: []string{"n.json"}})
			}
			count := func(what string, most int, do func(s *Store) error, dir string) {
				t.Helper()
				server.Reset()
				if err := do(bucketStore(t, dir, url)); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if n := server.Counts(); n.Total() > most {
					t.Errorf("%s takes %d requests, want %d at most: %+v", what, n.Total(), most, n)
				} else {
					t.Logf("%s: %+v", what, n)
				}
			}
			commit := func(s *Store) error {
				_, err := s.Commit(t.Context(), CommitOptions{Paths: []string{"n.json"}, Author: "tester"})
				return err
			}
			log := func(s *Store) error {
				for _, err := range s.Log(t.Context(), LogOptions{Limit: 1}) {
					return err
				}
				return nil
			}
			checkout := func(path string) func(*Store) error {
				return func(s *Store) error {
					_, err := s.Checkout(t.Context(), CheckoutOptions{Rev: "main", Paths: []string{path}})
					return err
				}
			}
			putFile(t, dir, "n.json", model(99, 2000))
			count("a commit", 5, commit, dir)
			count("log -n 1", 2, log, dir)
			other := t.TempDir()
			if _, _, err := initAt(t, other, Options{StoreDir: url}); err != nil {
				t.Fatal(err)
			}
			cold := func() {
				if err := os.RemoveAll(filepath.Join(other, ".mstore", "work", "cache")); err != nil {
					t.Fatal(err)
				}
			}
			cold()
			count("log -n 1 from a cold cache", 5, log, other)
			cold()
			count("checkout of an old model from a cold cache", 6, checkout("m/a/a.json"), other)
			cold()
			count("checkout of a new model from a cold cache", 6, checkout("n.json"), other)
			count("checkout of a model from a warm cache", 1, checkout("n.json"), other)
		})
	}
}

// TestOnBucket runs tests of stores in directories on a store in a bucket: nothing above
// the backend knows which it is. Those that look into the store's files are left out.
func TestOnBucket(t *testing.T) {
	t.Setenv(onBucketEnv, "1")
	for name, test := range map[string]func(*testing.T){
		"CommitAndBack": TestCommitAndBack, "CheckoutKeepsWhatIsNotSaved": TestCheckoutKeepsWhatIsNotSaved,
		"CommitPresent": TestCommitPresent, "Unsaved": TestUnsaved, "UnsavedAfterCheckout": TestUnsavedAfterCheckout,
		"OpenModelFallback": TestOpenModelFallback, "Files": TestFiles,
		"DiffVersions": TestDiffVersions, "DiffWorkingDirectory": TestDiffWorkingDirectory, "DiffModels": TestDiffModels,
		"DiffSkipsWhatIsEqual": TestDiffSkipsWhatIsEqual,
		"MergeByModel":         TestMergeByModel, "MergeConflicts": TestMergeConflicts, "MergeFastForward": TestMergeFastForward,
		"MergeExpired": TestMergeExpired, "MergeCrosswise": TestMergeCrosswise, "MergeFileAndDirectory": TestMergeFileAndDirectory,
		"GCPays": TestGCPays, "GCKeepsWhatIsMerged": TestGCKeepsWhatIsMerged, "PolicyLevels": TestPolicyLevels,
		"ModelStats": TestModelStats, "Storage": TestStorage, "Holders": TestHolders,
	} {
		t.Run(name, test)
	}
}
