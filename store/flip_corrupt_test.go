package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/sampling"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
)

// corruptSeed picks the bits to flip and the places to look at.
const corruptSeed = 7

// victim is a store whose files are damaged one at a time.
type victim struct {
	m        *vfs.Mem
	versions map[string]files  // by ID
	names    map[string]string // name to ID
	order    []string          // IDs, oldest first
	check    []string          // the IDs whose content is read; nil: all
}

func newVictim(t testing.TB, m *vfs.Mem) *victim {
	t.Helper()
	v := &victim{m: m, versions: map[string]files{}, names: map[string]string{}}
	s, err := openOn(m, testClock())
	if err != nil {
		t.Fatal(err)
	}
	for x, err := range s.Log(t.Context(), LogOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		f, err := modelsOf(s, x)
		if err != nil {
			t.Fatal(err)
		}
		v.versions[x.ID.String()] = f
		v.order = append(v.order, x.ID.String())
	}
	slices.Reverse(v.order)
	names, err := s.Names(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		v.names[n.Name] = n.Version.ID.String()
	}
	return v
}

// stored lists the files of the store, not those of the workspace.
func (v *victim) stored(t testing.TB) []string {
	t.Helper()
	names := []string{DirName + "/" + formatKey}
	for _, dir := range []string{"journal", "objects"} {
		if err := eachFile(v.m, DirName+"/"+dir, func(p string) error { names = append(names, p); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// told is an error by which damage is told.
func told(err error) bool { return errors.Is(err, ErrDamaged) || errors.Is(err, ErrFormat) }

// fsckTells tells whether fsck finds damage.
func (v *victim) fsckTells() (bool, error) {
	s, err := openOn(v.m, testClock())
	if err == nil {
		var rep *FsckReport
		if rep, err = s.Fsck(context.Background(), FsckOptions{}); err == nil {
			return !rep.OK, nil
		}
	}
	if told(err) {
		return true, nil
	}
	return false, fmt.Errorf("fsck says %w", err)
}

// readsRight reads everything in every way; wrong is an answer that is neither
// right nor an error that tells of damage. full says that all could be read.
func (v *victim) readsRight() (full bool, wrong error) {
	ctx := context.Background()
	s, err := openOn(v.m, testClock())
	if err != nil {
		if told(err) {
			return false, nil
		}
		return false, err
	}
	full = true
	bad := func(what string, err error) error {
		full = false
		if told(err) {
			return nil
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	check := v.check
	if check == nil {
		check = v.order
	}
	for _, id := range check {
		x, err := s.Show(ctx, id)
		if err != nil {
			if err := bad("show "+id[:8], err); err != nil {
				return full, err
			}
			continue
		}
		for p, want := range v.versions[id] {
			var b strings.Builder
			r, err := s.OpenModel(ctx, x.ID.String(), p)
			if err == nil {
				_, err = r.WriteTo(&b)
			}
			switch {
			case err != nil:
				err = bad(x.Name+":"+p, err)
			case b.String() != want:
				err = fmt.Errorf("%s:%s holds wrong bytes", x.Name, p)
			}
			if err != nil {
				return full, err
			}
		}
	}
	got := map[string]string{}
	names, err := s.Names(ctx, 0)
	for _, n := range names {
		got[n.Name] = n.Version.ID.String()
	}
	if err == nil && !maps.Equal(got, v.names) {
		return full, fmt.Errorf("names are %v, want %v", got, v.names)
	}
	if err != nil {
		if err := bad("names", err); err != nil {
			return full, err
		}
	}
	i := len(v.order)
	for x, err := range s.Log(ctx, LogOptions{}) {
		if err != nil {
			if err := bad("log", err); err != nil {
				return full, err
			}
			break
		}
		if i--; i < 0 || x.ID.String() != v.order[i] {
			return full, fmt.Errorf("log gives %s in place %d", x.ID, i)
		}
	}
	if i > 0 && full {
		return full, fmt.Errorf("log ends %d versions before the first", i)
	}
	return full, nil
}

// hurt puts data in place of a file, or deletes it for nil, looks, and puts it
// back. Damage that fsck does not tell must be none: all is right.
func (v *victim) hurt(t testing.TB, name string, data []byte, what string) {
	t.Helper()
	good := read(t, v.m, name)
	var err error
	if data == nil {
		err = v.m.Remove(name)
	} else {
		err = v.m.Rewrite(name, data)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s %s (seed %d): panic: %v", name, what, corruptSeed, p)
		}
		if data == nil {
			write(t, v.m, name, good)
		} else if err := v.m.Rewrite(name, good); err != nil {
			t.Fatal(err)
		}
	}()
	began := time.Now()
	tells, err := v.fsckTells()
	if err != nil {
		t.Fatalf("%s %s (seed %d): %v", name, what, corruptSeed, err)
	}
	full, wrong := v.readsRight()
	if wrong != nil {
		t.Fatalf("%s %s (seed %d): %v", name, what, corruptSeed, wrong)
	}
	if !tells && (data != nil || !full) {
		t.Fatalf("%s %s (seed %d): fsck finds nothing", name, what, corruptSeed)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Fatalf("%s %s (seed %d): took %v", name, what, corruptSeed, took)
	}
}

// hurtAll damages every file in every way, at one of every step places.
func (v *victim) hurtAll(t *testing.T, files []string, step int) (flips, cuts, deletions int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(corruptSeed, uint64(step)))
	newest := ""
	for _, name := range v.stored(t) {
		if strings.Contains(name, "/journal/e0") { // a pack's name may begin like that too
			newest = max(newest, name)
		}
	}
	for _, name := range files {
		good := read(t, v.m, name)
		for i := rng.IntN(step); i < len(good); i += 1 + rng.IntN(2*step-1) {
			b := slices.Clone(good)
			b[i] ^= 1 << rng.IntN(8)
			v.hurt(t, name, b, fmt.Sprintf("with a bit of byte %d of %d flipped", i, len(good)))
			flips++
		}
		for n := rng.IntN(step); n < len(good); n += 1 + rng.IntN(4*step-1) {
			v.hurt(t, name, good[:n:n], fmt.Sprintf("cut to %d of %d bytes", n, len(good)))
			cuts++
		}
		// Without its newest entry a store is what it was before that entry:
		// nothing is left that could tell.
		if name != newest {
			v.hurt(t, name, nil, "deleted")
			deletions++
		}
	}
	return flips, cuts, deletions
}

func TestEveryDamageIsFound(t *testing.T) {
	m, _ := newBase(t,
		files{"a.json": `{"a": 1}`, "b.bin": ""},
		files{"a.json": `{"a": 2}`, "b.bin": "bbbbbbbbbbbbbbbbbbbbbbbbb"},
		files{"a.json": `{"a": 3}`, "dir/c": "c"})
	s, err := openOn(m, testClock())
	if err == nil {
		_, err = s.SetName(t.Context(), Tag, "one", "v1", false)
	}
	if err == nil {
		_, err = s.SetName(t.Context(), Alias, "prod", "v2", false)
	}
	if err != nil {
		t.Fatal(err)
	}
	save(t, s, CommitOptions{Paths: []string{"."}, AllowEmpty: true})
	v := newVictim(t, m)
	step := sampling.Step(6, 40)
	flips, cuts, deletions := v.hurtAll(t, v.stored(t), step)
	t.Logf("%d flips, %d cuts, %d deletions", flips, cuts, deletions)
}

// TestDamageOfLargeModel: a model of several pieces, with a recipe.
func TestDamageOfLargeModel(t *testing.T) {
	m, _ := newBase(t, files{"big": noise(3, 2<<20)})
	v := newVictim(t, m)
	flips, cuts, deletions := v.hurtAll(t, v.stored(t)[2:], 1<<16)
	pack := ""
	for _, name := range v.stored(t) {
		if strings.HasSuffix(name, ".pack") {
			pack = name
		}
	}
	good := read(t, m, pack)
	for i := len(good) - 700; i < len(good); i += sampling.Step(15, 70) { // recipe, tree, index, trailer
		b := slices.Clone(good)
		b[i] ^= 16
		v.hurt(t, pack, b, fmt.Sprintf("with a bit of byte %d flipped", i))
		flips++
	}
	t.Logf("%d flips, %d cuts, %d deletions", flips, cuts, deletions)
}

// TestDamageAfterFolds: checkpoints, archives and index segments too.
func TestDamageAfterFolds(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and of one goroutine")
	}
	m, _, _ := foldBases(t, 1)
	s, err := openOn(m, laterClock())
	if err != nil {
		t.Fatal(err)
	}
	if err := commitAll(s); err != nil { // the second fold
		t.Fatal(err)
	}
	for i := range 3 {
		write(t, m, "m.json", fmt.Appendf(nil, "after %d", i))
		save(t, s, CommitOptions{Paths: []string{"."}})
	}
	if st, err := s.j.Load(t.Context()); err != nil || st.Watermark() != 2*journal.FoldEvery {
		t.Fatal(st.Watermark(), err)
	}
	v := newVictim(t, m)
	n := len(v.order)
	v.check = []string{v.order[0], v.order[n/3], v.order[n/2], v.order[n-4], v.order[n-1]}
	var folded, others []string
	for _, name := range v.stored(t) {
		base := path.Base(name)
		if strings.HasSuffix(name, ".pack") || strings.HasPrefix(base, "e0") {
			others = append(others, name)
		} else {
			folded = append(folded, name)
		}
	}
	rng := rand.New(rand.NewPCG(corruptSeed, 1))
	rng.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	few := 8
	if !sampling.Long() {
		few = 2
	}
	flips, cuts, deletions := 0, 0, 0
	for _, part := range []struct {
		files []string
		step  int
	}{{folded, 0}, {others[:few], 200}} {
		for _, name := range part.files {
			step := part.step
			if step == 0 {
				step = max(1, len(read(t, m, name))/(2*few))
			}
			f, c, d := v.hurtAll(t, []string{name}, step)
			flips, cuts, deletions = flips+f, cuts+c, deletions+d
		}
	}
	t.Logf("%d flips, %d cuts, %d deletions in %d files", flips, cuts, deletions, len(folded)+few)
}
