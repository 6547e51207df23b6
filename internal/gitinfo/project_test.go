package gitinfo

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// project is a work tree that the real git made, and knows the answers to.
type project struct {
	testing.TB
	dir string // without symbolic links
	env []string
}

func newProject(t testing.TB, init ...string) *project {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git to compare with")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &project{TB: t, dir: filepath.Join(dir, "project")}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GIT_") {
			p.env = append(p.env, kv)
		}
	}
	p.env = append(p.env, "HOME="+dir, "LC_ALL=C",
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_OPTIONAL_LOCKS=0",
		"GIT_DEFAULT_HASH=sha1", "GIT_DEFAULT_REF_FORMAT=files",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_AUTHOR_DATE=2025-11-13T12:00:00Z",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org", "GIT_COMMITTER_DATE=2025-11-13T12:00:00Z")
	if err := os.Mkdir(p.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	p.git(append([]string{"init", "-q", "-b", "main"}, init...)...)
	return p
}

// at is the same project seen from another work tree.
func (p *project) at(dir string) *project { return &project{p.TB, dir, p.env} }

func (p *project) try(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.Output()
	return strings.TrimRight(string(out), "\n"), err
}

func (p *project) git(args ...string) string {
	p.Helper()
	out, err := p.try(args...)
	if err != nil {
		var stderr []byte
		if e, ok := err.(*exec.ExitError); ok {
			stderr = e.Stderr
		}
		p.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return out
}

func (p *project) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

func (p *project) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *project) write(name, content string) {
	p.Helper()
	p.must(os.MkdirAll(filepath.Dir(p.path(name)), 0o777))
	p.must(os.WriteFile(p.path(name), []byte(content), 0o666))
}

// commit makes a commit of some files of all kinds. Their times are old, so
// that none of them is racy.
func (p *project) commit() {
	p.Helper()
	for name, content := range map[string]string{
		"README": "read me\n", "empty": "", "src/train.py": "print(1)\n", "src/lib/a.py": "a = 1\n", "src/lib/b.py": "b = 2\n",
		"src-old/x.py": "x\n", "src.txt": "sorts between src-old and src/\n", "data/run me.sh": "#!/bin/sh\n", "dos.txt": "a\r\nb\r\n",
	} {
		p.write(name, content)
		p.age(name)
	}
	p.must(os.Chmod(p.path("data/run me.sh"), 0o777))
	if err := os.Symlink("src/train.py", p.path("link")); err != nil {
		p.Skip(err) // takes a privilege on Windows
	}
	p.git("add", ".")
	p.git("commit", "-q", "-m", "first")
}

func (p *project) age(name string) {
	p.Helper()
	old := time.Now().Add(-time.Hour)
	p.must(os.Chtimes(p.path(name), old, old))
}

// want is git's own answer. Git may write the index while it looks, so ask Read
// before as well.
func (p *project) want() State {
	p.Helper()
	st := State{Root: filepath.FromSlash(p.git("rev-parse", "--show-toplevel"))}
	st.Commit, _ = p.try("rev-parse", "--verify", "-q", "HEAD")
	st.Branch, _ = p.try("symbolic-ref", "-q", "HEAD")
	st.Branch = strings.TrimPrefix(st.Branch, "refs/heads/")
	if st.Commit == "" {
		st.Dirty = p.git("ls-files", "-s") != ""
	} else {
		st.Dirty = strings.HasSuffix(p.git("describe", "--always", "--dirty"), "-dirty")
		// A file that was added and is gone is staged all the same, which git forgives.
		for line := range strings.Lines(p.git("status", "--porcelain", "-uno")) {
			st.Dirty = st.Dirty || strings.HasPrefix(line, "AD ")
		}
	}
	return st
}

// read calls Read, which must find the project.
func (p *project) read(r reader, cache Cache) State {
	p.Helper()
	st, ok, err := r.read(context.Background(), p.dir, cache)
	if err != nil || !ok {
		p.Fatalf("Read: %v, %v", ok, err)
	}
	return st
}

// mem is a Cache in memory.
type mem struct {
	content []byte
	saves   int
}

func (m *mem) Load() []byte  { return slices.Clone(m.content) }
func (m *mem) Save(b []byte) { m.content, m.saves = b, m.saves+1 }

// counter is a reader that counts the files that it reads. It believes that
// everything it sees happened long ago.
type counter struct{ names []string }

func (c *counter) reader() reader {
	return reader{
		now:    func() time.Time { return time.Now().Add(time.Hour) },
		hashed: func(name string) { c.names = append(c.names, name) },
	}
}

func (c *counter) take() []string {
	slices.Sort(c.names)
	names := c.names
	c.names = nil
	return names
}
