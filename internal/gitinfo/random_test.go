package gitinfo

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Random edits, after each of which git is asked too. MSTORE_SEED repeats a run.
func TestRandom(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv("MSTORE_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("MSTORE_SEED=%d", seed)
	steps := 120
	if testing.Short() {
		steps = 40
	}
	p := newProject(t)
	p.commit()
	g := &gitUser{p, rand.New(rand.NewPCG(seed, 1))}
	cache, settled := &mem{}, &mem{}
	var count counter
	dirty := 0
	for step := range steps {
		did := g.step()
		before := p.read(reader{now: time.Now}, nil)
		got := []State{
			before,
			p.read(reader{now: time.Now}, cache),
			p.read(count.reader(), settled),
			p.read(count.reader(), settled),
		}
		want := p.want()
		got = append(got, p.read(reader{now: time.Now}, cache), p.read(count.reader(), settled))
		for i, st := range got {
			if st != want {
				t.Fatalf("step %d, %s: call %d: got %+v, git says %+v\n%s", step, did, i, st, want, p.git("status", "--short"))
			}
		}
		if want.Dirty {
			dirty++
		}
		tick() // for the reader that takes what it sees for old
	}
	t.Logf("%d steps, dirty after %d", steps, dirty)
}

// gitUser does what people do to a work tree.
type gitUser struct {
	*project
	rnd *rand.Rand
}

func (g *gitUser) file() string {
	dirs := []string{"", "src/", "src/lib/", "src-old/", "data/"}
	return dirs[g.rnd.IntN(len(dirs))] + string(rune('a'+g.rnd.IntN(3)))
}

func (g *gitUser) content() string { return []string{"one\n", "two\n", "three\n", ""}[g.rnd.IntN(4)] }

// step does one thing. What cannot be done at the moment is left.
func (g *gitUser) step() string {
	name := g.file()
	path := g.path(name)
	switch k := g.rnd.IntN(22); k {
	case 0, 1, 2, 3:
		content := g.content()
		_ = os.MkdirAll(filepath.Dir(path), 0o777)
		_ = os.WriteFile(path, []byte(content), 0o666)
		return fmt.Sprintf("write %s %q", name, content)
	case 4:
		old := time.Now().Add(-time.Duration(g.rnd.IntN(1e6)) * time.Second)
		_ = os.Chtimes(path, old, old)
		return "touch " + name
	case 5:
		_ = os.Remove(path)
		return "rm " + name
	case 6:
		_ = os.Chmod(path, 0o755)
		return "chmod " + name
	case 7:
		_ = os.Remove(path)
		_ = os.Symlink(g.content()+"x", path)
		return "ln " + name
	case 8:
		to := g.file()
		_ = os.Rename(path, g.path(to))
		return "mv " + name + " " + to
	case 9:
		_ = os.RemoveAll(g.path("src/lib"))
		if g.rnd.IntN(2) == 0 {
			_ = os.Symlink("../data", g.path("src/lib"))
		}
		return "rm -r src/lib"
	case 10:
		_ = os.Remove(g.path("src/lib"))
		return g.run("checkout", "-q", "--", "src")
	}
	commands := [][]string{
		{"add", "-A"},
		{"add", name},
		{"add", "-N", name},
		{"commit", "-qam", "c"},
		{"commit", "-qam", "c"},
		{"reset", "-q", "--hard"},
		{"reset", "-q"},
		{"checkout", "-q", "--", name},
		{"rm", "-q", "--cached", name},
		{"update-index", []string{"--assume-unchanged", "--no-assume-unchanged"}[g.rnd.IntN(2)], name},
		{"update-index", []string{"--skip-worktree", "--no-skip-worktree"}[g.rnd.IntN(2)], name},
		{"update-index", "--index-version", []string{"2", "4"}[g.rnd.IntN(2)]},
		{"update-index", "-q", "--refresh"},
		{"read-tree", "HEAD"},
		{"mv", "-f", name, g.file()},
		{"gc", "-q"},
		{"checkout", "-q", "-B", []string{"main", "other", "team/x"}[g.rnd.IntN(3)]},
		{"checkout", "-q", "--detach"},
		{"pack-refs", "--all"},
	}
	return g.run(commands[g.rnd.IntN(len(commands))]...)
}

func (g *gitUser) run(args ...string) string {
	_, err := g.try(args...)
	return fmt.Sprintf("git %q: %v", args, err)
}
