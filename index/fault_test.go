package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/sampling"
)

const childEnv = "MSTORE_INDEX_TEST_CHILD"

// TestMain runs as the second process of a test when childEnv says so.
func TestMain(m *testing.M) {
	mode, dir, ok := strings.Cut(os.Getenv(childEnv), ":")
	if !ok {
		os.Exit(m.Run())
	}
	ix := Open(dir, Options{Batch: 10})
	switch mode {
	case "read": // holds the index until killed
		h := makeHistory(1, 300, 9, 1, 1)
		err := ix.With(context.Background(), h, func(*Query) error {
			fmt.Println("ready")
			time.Sleep(time.Minute)
			return nil
		})
		fmt.Println(err)
	case "write": // stands still in the middle of a catch-up
		h := &stopping{makeHistory(1, 60_000, 900, 10, 5), 50_000}
		err := ix.With(context.Background(), h, func(*Query) error { return nil })
		fmt.Println(err)
	case "answer":
		h := makeHistory(1, 300, 9, 1, 1)
		sameAnswers(fatal{}, ix, h, someQuestions(h)[:2]...)
	}
	os.Exit(0)
}

type fatal struct{}

func (fatal) Fatalf(format string, a ...any) { fmt.Printf(format+"\n", a...); os.Exit(3) }

type stopping struct {
	*history
	at uint64
}

func (s *stopping) Versions(ctx context.Context, n uint64, fn func(Record) error) error {
	return s.history.Versions(ctx, n, func(r Record) error {
		if r.Entry >= s.at {
			fmt.Println("ready")
			time.Sleep(time.Minute)
		}
		return fn(r)
	})
}

// startChild returns once the child says that it is ready.
func startChild(t *testing.T, mode, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+mode+":"+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	buf := make([]byte, 6)
	if _, err := out.Read(buf); err != nil || !bytes.Equal(buf, []byte("ready\n")) {
		t.Fatalf("child: %q %v", buf, err)
	}
	return cmd
}

func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	h := makeHistory(1, 300, 9, 1, 1)
	child := startChild(t, "read", dir)
	ix := Open(dir, Options{Batch: 10, Wait: 50 * time.Millisecond})
	sameAnswers(t, ix, h, someQuestions(h)...) // two readers
	longer := makeHistory(1, 500, 9, 1, 1)
	sameAnswers(t, ix, longer, someQuestions(longer)...) // cannot catch up, answers all the same
	if err := ix.Rebuild(context.Background(), h); !errors.Is(err, ErrBusy) {
		t.Errorf("Rebuild beside a reader: %v", err)
	}
	child.Process.Kill()
	child.Wait()
	sameAnswers(t, ix, longer, someQuestions(longer)...)
	if st, _ := ix.Stat(context.Background(), longer); st.Entries != 500 {
		t.Errorf("after the reader died: %+v", st)
	}
}

func TestBusyAndKilledWriter(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	h := makeHistory(1, 60_000, 900, 10, 5)
	ix := Open(dir, Options{Batch: 10, Wait: 50 * time.Millisecond})
	child := startChild(t, "write", dir)
	err := ix.With(ctx, h, func(*Query) error { t.Error("called"); return nil })
	if !errors.Is(err, ErrBusy) {
		t.Errorf("With beside a writer: %v", err)
	}
	if _, err := ix.Stat(ctx, h); !errors.Is(err, ErrBusy) {
		t.Errorf("Stat beside a writer: %v", err)
	}
	child.Process.Kill()
	child.Wait()
	h.reads = 0
	if err := ix.With(ctx, h, func(*Query) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if h.reads > 15_000 {
		t.Errorf("%d entries read again after a kill", h.reads)
	}
	sameAnswers(t, ix, h, someQuestions(h)[1:]...)
	// Twice in a row: the index is begun anew.
	for range 2 {
		os.Remove(filepath.Join(dir, sealName))
		os.WriteFile(filepath.Join(dir, retryName), nil, 0o666)
		sameAnswers(t, ix, h, Where{Paths: []string{"models/group-03"}})
	}
}

func TestEmptyLogs(t *testing.T) {
	h := makeHistory(1, 300, 9, 1, 1)
	for _, name := range []string{"00001.mem", "00007.mem", "000002.vlog", "000009.vlog", "000003.sst"} {
		for _, sealed := range []bool{true, false} {
			ix := Open(t.TempDir(), Options{Batch: 10})
			sameAnswers(t, ix, h, Where{})
			if !sealed {
				os.Remove(ix.path(sealName))
			}
			os.WriteFile(filepath.Join(ix.path("db"), name), nil, 0o666)
			sameAnswers(t, ix, h, someQuestions(h)...)
			if st, _ := ix.Stat(context.Background(), h); st.Entries != 300 {
				t.Errorf("%s, sealed %t: %+v", name, sealed, st)
			}
		}
	}
}

// TestDamage truncates and overwrites every file at many places, with the
// seal and without it; an ordinary run does some of that. A child answers the
// latter, since badger may end the process; it may do so once.
func TestDamage(t *testing.T) {
	h := makeHistory(1, 300, 9, 1, 1)
	pristine := t.TempDir()
	sameAnswers(t, Open(pristine, Options{Batch: 10}), h, Where{})
	files, _ := filepath.Glob(filepath.Join(pristine, "*"))
	more, _ := filepath.Glob(filepath.Join(pristine, "db", "*"))
	died := 0
	all := someQuestions(h)
	few := []Where{all[1], all[3], all[5]}
	try, tryUnsealed := sampling.Of(t, 12, 60), sampling.Of(t, 6, 60)
	for _, file := range append(files, more...) {
		name, _ := filepath.Rel(pristine, file)
		fi, _ := os.Stat(file)
		if fi.IsDir() {
			continue
		}
		for i := range 9 {
			at := fi.Size() * int64(i) / 8
			for _, how := range []string{"cut", "flip", "garbage", "grow"} {
				if try() {
					dir := damagedCopy(t, pristine, name, how, at)
					sameAnswers(t, Open(dir, Options{Batch: 10}), h, few...)
				}
				if i%4 == 3 && name != sealName && tryUnsealed() {
					dir := damagedCopy(t, pristine, name, how, at)
					os.Remove(filepath.Join(dir, sealName))
					died += answerInChild(t, dir)
				}
			}
		}
	}
	t.Logf("badger ended the process %d times on damaged files without a seal", died)
}

// damagedCopy damages a file in a copy of an index, and returns the copy.
func damagedCopy(t *testing.T, pristine, name, how string, at int64) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(pristine)); err != nil {
		t.Fatal(err)
	}
	damage(t, filepath.Join(dir, name), how, at)
	return dir
}

func damage(t *testing.T, name, how string, at int64) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	switch how {
	case "cut":
		data = data[:at]
	case "flip":
		if at < int64(len(data)) {
			data[at] ^= 0x55
		}
	case "garbage":
		for i := at; i < min(at+512, int64(len(data))); i++ {
			data[i] = byte(i*7 + 13)
		}
	case "grow":
		data = append(data, bytes.Repeat([]byte{0xa5}, 100)...)
	}
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// answerInChild asks until the child survives, which must be at the second
// attempt.
func answerInChild(t *testing.T, dir string) int {
	t.Helper()
	for attempt := range 2 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"=answer:"+dir)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return attempt
		}
		if cmd.ProcessState.ExitCode() == 3 || attempt == 1 {
			t.Fatalf("child: %v\n%s", err, out)
		}
		t.Logf("child: %.300s", out)
	}
	return 2
}

// TestDamageWhileOpen damages a table between the opening and the question.
func TestDamageWhileOpen(t *testing.T) {
	h := makeHistory(1, 5000, 90, 5, 5)
	ctx := context.Background()
	for _, how := range []string{"cut", "garbage"} {
		ix := Open(t.TempDir(), Options{Batch: 10})
		sameAnswers(t, ix, h, Where{})
		var got, want [][]Hit
		Walk(ctx, h, func(q *Query) (err error) { _, want, err = answers(q, Where{Paths: []string{"models"}}); return err })
		err := ix.With(ctx, h, func(q *Query) (err error) {
			tables, _ := filepath.Glob(filepath.Join(ix.path("db"), "*.sst"))
			for _, name := range tables {
				damageInPlace(t, name, how)
			}
			_, got, err = answers(q, Where{Paths: []string{"models"}})
			return err
		})
		if err != nil || len(got) != len(want) || len(got[0]) != len(want[0]) {
			t.Errorf("%s: %v, %d answers", how, err, len(got))
		}
		sameAnswers(t, ix, h, someQuestions(h)...)
	}
}

func damageInPlace(t *testing.T, name, how string) {
	t.Helper()
	if how == "cut" {
		if err := os.Truncate(name, 100); err != nil {
			t.Fatal(err)
		}
		return
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fi, _ := f.Stat()
	f.WriteAt(bytes.Repeat([]byte{0x5a}, int(fi.Size())*3/4), 0)
}

func TestDirectoryRemoved(t *testing.T) {
	h := makeHistory(1, 300, 9, 1, 1)
	ix := Open(t.TempDir(), Options{Batch: 10})
	for _, name := range []string{"", "db", sealName, "lock", "db/MANIFEST", "db/DISCARD", "db/KEYREGISTRY", "db/000001.vlog", "db/000001.sst"} {
		sameAnswers(t, ix, h, someQuestions(h)...)
		if err := os.RemoveAll(filepath.Join(ix.dir, name)); err != nil {
			t.Fatal(err)
		}
		sameAnswers(t, ix, h, someQuestions(h)...)
	}
	err := ix.With(context.Background(), h, func(q *Query) error {
		os.RemoveAll(ix.dir)
		n := 0
		for _, err := range q.Find(Where{}) {
			if err != nil {
				return err
			}
			n++
		}
		if n != 270 {
			t.Errorf("%d hits", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	sameAnswers(t, ix, h, someQuestions(h)...)
}
