package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/internal/wrapper"
	"github.com/mstore/mstore/schema"
)

// baseStore is a store in memory with some versions, all durable.
func baseStore(t *testing.T, versions ...files) *vfs.Mem {
	t.Helper()
	s, m := newMemStore(t)
	for _, f := range versions {
		put(t, m, f)
		save(t, s, CommitOptions{Paths: []string{"."}})
	}
	closeStore(s)
	syncAll(t, m, ".")
	return m
}

// refused commits what strict validation does not let pass, and expects that.
func refused(s *Store) error {
	_, err := s.Commit(context.Background(), CommitOptions{Paths: []string{"a.json"}, Validate: "strict"})
	var inv *InvalidError
	if errors.As(err, &inv) && inv.Name != "" && errors.Is(err, ErrInvalid) {
		return nil
	}
	if err == nil {
		return errors.New("a broken model was let pass")
	}
	return err
}

// quarantined tells whether what was refused is kept, and the branch is as it was.
func quarantined(m *vfs.Mem, before ledger, broken string, must bool) error {
	s, err := openOn(m, laterClock())
	if err != nil {
		return err
	}
	defer closeStore(s)
	if _, err := before.verify(s, nil); err != nil {
		return err
	}
	names, err := s.Names(context.Background(), Safety)
	if err != nil {
		return err
	}
	if len(names) > 1 || must && len(names) == 0 {
		return fmt.Errorf("%d versions off the branches", len(names))
	}
	for _, n := range names {
		if !strings.HasPrefix(n.Name, "quarantine/") {
			return fmt.Errorf("it is named %s", n.Name)
		}
		text, err := readModel(s, n.Name, "a.json")
		if err != nil || text != broken {
			return fmt.Errorf("%s holds %q, %v", n.Name, text, err)
		}
	}
	return clean(s)
}

func TestQuarantineCrash(t *testing.T) {
	one := files{"a.json": `{"w": [1, 2]}`}
	const broken = `{"w": [1, 2`
	base := baseStore(t, one)
	put(t, base, files{"a.json": broken})
	syncAll(t, base, ".")
	crashEverywhere(t, base, refused, nil, func(m *vfs.Mem, acked bool) error {
		return quarantined(m, ledger{one}, broken, acked)
	})
}

func TestQuarantineFault(t *testing.T) {
	one := files{"a.json": `{"w": [1, 2]}`}
	const broken = `{"w": [1, 2`
	base := baseStore(t, one)
	put(t, base, files{"a.json": broken})
	syncAll(t, base, ".")
	faultEverywhere(t, base, refused, nil, func(r faulted) error {
		if err := r.sane(); err != nil {
			return err
		}
		closeStore(r.s)
		return quarantined(r.m, ledger{one}, broken, r.err == nil)
	})
}

// folder is a folder of saves, one of them broken.
func folder(t *testing.T) *vfs.Mem {
	m := vfs.NewMem()
	put(t, m, files{"run_061125_1747.json": `{"w": 1}`, "run_071125_1747.json": `{"w": 2}`, "run_081125_1747.json": `{"w": `,
		"sub/other_2025-01-01.json": string(model(1, 3000))})
	return m
}

func importFolder(dir *vfs.Mem) func(s *Store) error {
	return func(s *Store) error {
		_, err := s.Import(context.Background(), ImportOptions{files: dir, Location: time.UTC})
		return err
	}
}

// imported tells whether what is there is the beginning of the history, and whether
// another import completes it.
func imported(m *vfs.Mem, dir *vfs.Mem, all bool) error {
	s, err := openOn(m, laterClock())
	if err != nil {
		return err
	}
	defer closeStore(s)
	other := string(model(1, 3000))
	want := ledger{{"sub/other.json": other}, {"sub/other.json": other, "run.json": `{"w": 1}`},
		{"sub/other.json": other, "run.json": `{"w": 2}`}, {"sub/other.json": other, "run.json": `{"w": `}}
	n := 0
	for _, err := range s.Log(context.Background(), LogOptions{}) {
		if errors.Is(err, ErrNotFound) {
			break
		}
		if err != nil {
			return err
		}
		n++
	}
	if n > len(want) || all && n < len(want) {
		return fmt.Errorf("%d versions", n)
	}
	if _, err := want[:n].verify(s, nil); err != nil {
		return err
	}
	res, err := s.Import(context.Background(), ImportOptions{files: dir, Location: time.UTC})
	if err != nil {
		return fmt.Errorf("again: %w", err)
	}
	if res.Skipped != n || len(res.Versions) != len(want)-n {
		return fmt.Errorf("again: of %d versions %d were passed over, and %d made", n, res.Skipped, len(res.Versions))
	}
	if _, err := want.verify(s, nil); err != nil {
		return fmt.Errorf("again: %w", err)
	}
	return clean(s)
}

func TestImportCrash(t *testing.T) {
	dir := folder(t)
	crashEverywhere(t, baseStore(t), importFolder(dir), nil, func(m *vfs.Mem, acked bool) error { return imported(m, dir, acked) })
}

func TestImportFault(t *testing.T) {
	dir := folder(t)
	faultEverywhere(t, baseStore(t), importFolder(dir), nil, func(r faulted) error {
		if err := r.sane(); err != nil {
			return err
		}
		closeStore(r.s)
		return imported(r.m, dir, r.err == nil)
	})
}

// wrapAll wraps the files of a directory, two of which can be.
func wrapAll(s *Store) error {
	_, err := s.Wrap(context.Background(), WrapOptions{Paths: []string{"m"}, Metadata: map[string]any{"description": "x"}})
	return err
}

// wrapped tells whether every file is what it was, or a wrapper around that, and is in
// the store as it was if it is a wrapper now.
func wrapped(m *vfs.Mem, was files, all bool) error {
	s, err := openOn(m, laterClock())
	if err != nil {
		return err
	}
	defer closeStore(s)
	now, err := onDisk(m)
	if err != nil {
		return err
	}
	for p, text := range now {
		before, known := was[p]
		if !known {
			if strings.Contains(p, "tmp") {
				continue // of a process that died
			}
			return fmt.Errorf("%q is new", p)
		}
		if text == before {
			if all && before[0] == '{' && before != was["m/broken.json"] {
				return fmt.Errorf("%q was not wrapped", p)
			}
			continue
		}
		info, err := wrapper.Inspect(strings.NewReader(text))
		if err != nil || !info.Wrapped {
			return fmt.Errorf("%q is %.60q: %w", p, text, err)
		}
		var data strings.Builder
		if err := wrapper.Unwrap(&data, strings.NewReader(text), info); err != nil || data.String() != before {
			return fmt.Errorf("the data of %q are %.60q, %w", p, data.String(), err)
		}
		if saved, err := readModel(s, "HEAD", p); err != nil || saved != before {
			return fmt.Errorf("%q was changed before it was saved: %w", p, err)
		}
	}
	if len(now) < len(was) {
		return fmt.Errorf("files are missing: %s", describeFiles(now))
	}
	return clean(s)
}

func wrapFiles() files {
	return files{"m/a.json": `{"w": [1, 2]}` + "\n", "m/sub/b.json": " {} ", "m/broken.json": `{"w"`, "other": "text"}
}

func TestWrapCrash(t *testing.T) {
	was := wrapFiles()
	base := baseStore(t, files{"first": "x"})
	put(t, base, was)
	syncAll(t, base, ".")
	crashEverywhere(t, base, wrapAll, nil, func(m *vfs.Mem, acked bool) error { return wrapped(m, was, acked) })
}

func TestWrapFault(t *testing.T) {
	was := wrapFiles()
	base := baseStore(t, files{"first": "x"})
	put(t, base, was)
	syncAll(t, base, ".")
	faultEverywhere(t, base, wrapAll, nil, func(r faulted) error {
		if err := r.sane(); err != nil {
			return err
		}
		closeStore(r.s)
		return wrapped(r.m, was, r.err == nil)
	})
}

// TestValidatesWhatIsSaved: a file that changes between being saved and being
// validated is read again.
func TestValidatesWhatIsSaved(t *testing.T) {
	_, m := newMemStore(t)
	write(t, m, "a.json", []byte(`{"w": 1}`))
	f := vfs.NewFault(m)
	opens := 0
	f.OnOp(func(op vfs.Op) error {
		if op.Kind == vfs.OpOpen && op.Name == "a.json" {
			if opens++; opens == 2 { // to validate it
				if err := m.Remove("a.json"); err != nil {
					return err
				}
				write(t, m, "a.json", []byte(`{"w": `))
			}
		}
		return nil
	})
	s, err := openOn(f, laterClock())
	if err != nil {
		t.Fatal(err)
	}
	res := save(t, s, CommitOptions{Paths: []string{"a.json"}, Validate: "warn"})
	if got := string(cat(t, s, "HEAD", "a.json")); got != `{"w": ` {
		t.Errorf("%q was saved", got)
	}
	if res.Version.Quality.Errors != 1 {
		t.Errorf("quality %+v of what was saved", res.Version.Quality)
	}
}

// TestSpool: a pipe is validated wherever its copy lies.
func TestSpool(t *testing.T) {
	s, m := newMemStore(t)
	big := `{"pad": "` + strings.Repeat("x", maxSpool) + `", "training_successful": false, "audio_oracle_stats": {"total_states": 7}}`
	for _, text := range []string{`{"training_successful": false, "audio_oracle_stats": {"total_states": 7}}`, big} {
		res, err := s.Commit(context.Background(), CommitOptions{Stdin: strings.NewReader(text), As: "a.json"})
		if err != nil {
			t.Fatal(err)
		}
		rep := res.Reports["a.json"]
		if rep == nil || rep.Kind != "training_results" || rep.Errors != 0 || rep.Warnings != 4 || res.Version.Changes[0].Kind != rep.Kind {
			t.Errorf("%d bytes: %+v", len(text), rep)
		}
		if got := string(cat(t, s, "HEAD", "a.json")); got != text {
			t.Errorf("%d bytes came back", len(got))
		}
		if left := temps(m); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	}
}

// TestCheckerWithoutStore looks at a model with the built-in kinds.
func TestCheckerWithoutStore(t *testing.T) {
	kinds, err := schema.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	c := NewChecker(kinds, schema.Options{})
	text := `{"transitions": {"a->b": {"probability": 1.5}}}`
	rep, err := c.Check(context.Background(), schema.Input{Name: "x_harmonic_transitions.json", Size: int64(len(text)), At: strings.NewReader(text)})
	if err != nil || rep.Kind != "harmonic_transitions" || rep.Warnings != 2 {
		t.Errorf("%+v, %v", rep, err)
	}
}
