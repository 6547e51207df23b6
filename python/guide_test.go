package python

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The code of docs/migrating.md is carried out as a reader would who follows it:
//
//   - Each section has a fresh copy of the directory as the first section with code
//     leaves it; one that begins with "Goes on" has the directory of the one before.
//   - A block whose first line is "# NAME" is that file. Other python blocks are run.
//   - A diff is made to the file that it names.
//   - Of a console block the lines after "$ " are run, each with what is printed below
//     it; "..." stands for any lines. A command must succeed, unless "$ echo $?" shows
//     its exit code. IDs, times, sizes and versions of Python may differ.
//   - Blocks of other languages are to be read only.
func TestMigrating(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands of docs/migrating.md are for a POSIX shell")
	}
	mstore, python := tools(t)
	src, err := os.ReadFile("../docs/migrating.md")
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for name, file := range map[string]string{"mstore": mstore, "python3": python} {
		if err := os.Symlink(file, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	env := environment("PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "PYTHONPATH="+here,
		"MSTORE="+mstore, "MSTORE_AUTHOR=ada")
	sections := guide(t, string(src))
	if len(sections) < 6 {
		t.Fatalf("%d sections have code, want the beginning and five steps", len(sections))
	}
	var start, last string
	for _, s := range sections {
		ok := t.Run(s.title, func(t *testing.T) {
			r := &runner{ctx: t.Context(), dir: last, env: env}
			if !s.goesOn {
				dir, err := os.MkdirTemp(buildDir, "guide-")
				if err != nil {
					t.Fatal(err)
				}
				if r.dir = dir; start != "" {
					if err := os.CopyFS(dir, os.DirFS(start)); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, b := range s.blocks {
				if err := r.block(b); err != nil {
					t.Fatalf("docs/migrating.md:%d: %v", b.line, err)
				}
			}
			last = r.dir
		})
		if !ok && s.goesOn {
			return
		}
		if start == "" {
			start = last
		}
	}
}

type section struct {
	title  string
	goesOn bool
	blocks []block
}

type block struct {
	line     int // of its first line
	language string
	lines    []string
}

// guide takes the document apart. Sections without code are left out.
func guide(t *testing.T, src string) (sections []section) {
	t.Helper()
	var s section
	var b *block
	var text string // of the section, before its first block
	add := func() {
		if s.goesOn = strings.HasPrefix(strings.TrimSpace(text), "Goes on"); len(s.blocks) > 0 {
			sections = append(sections, s)
		}
		text = ""
	}
	for i, line := range strings.Split(src, "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && b == nil:
			b = &block{line: i + 2, language: fence}
		case isFence:
			s.blocks = append(s.blocks, *b)
			b = nil
		case b != nil:
			b.lines = append(b.lines, line)
		case strings.HasPrefix(line, "## "):
			add()
			s = section{title: line[3:]}
		case len(s.blocks) == 0:
			text += line + "\n"
		}
	}
	if b != nil {
		t.Fatalf("docs/migrating.md:%d: the block does not end", b.line)
	}
	add()
	return sections
}

type runner struct {
	ctx context.Context
	dir string
	env []string
}

func (r *runner) block(b block) error {
	if b.language != "python" && b.language != "yaml" && b.language != "json" && b.language != "diff" && b.language != "console" {
		return nil
	}
	if len(b.lines) == 0 {
		return fmt.Errorf("the block is empty")
	}
	text := strings.Join(b.lines, "\n") + "\n"
	name, named := strings.CutPrefix(b.lines[0], "# ")
	switch {
	case b.language == "console":
		return r.console(b.lines)
	case b.language == "diff":
		return r.diff(b.lines)
	case named && !strings.Contains(name, " "):
		return os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644)
	case b.language == "python":
		out, err := r.run("python3", "-W", "error::SyntaxWarning", "-c", text)
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return nil
	}
	return nil
}

func (r *runner) run(name string, args ...string) ([]byte, error) {
	for _, kv := range r.env {
		if path, ok := strings.CutPrefix(kv, "PATH="); ok { // Command looks in the PATH of this process
			dir, _, _ := strings.Cut(path, string(os.PathListSeparator))
			if file := filepath.Join(dir, name); filepath.Base(name) == name {
				if _, err := os.Stat(file); err == nil {
					name = file
				}
			}
		}
	}
	return output(r.ctx, time.Minute, r.dir, r.env, name, args...)
}

// diff makes a change that stands as a unified diff without line numbers.
func (r *runner) diff(lines []string) error {
	name, ok := strings.CutPrefix(lines[0], "--- ")
	if !ok || len(lines) < 3 || lines[1] != "+++ "+name {
		return fmt.Errorf("the diff does not begin with --- NAME and +++ NAME")
	}
	file := filepath.Join(r.dir, name)
	src, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var from, to strings.Builder
	change := func() error {
		if from.Len() == 0 && to.Len() == 0 {
			return nil
		}
		if n := strings.Count(string(src), from.String()); n != 1 || from.Len() == 0 {
			return fmt.Errorf("%s has these lines %d times, not once:\n%s\nIt is:\n%s", name, n, from.String(), src)
		}
		src = []byte(strings.Replace(string(src), from.String(), to.String(), 1))
		from.Reset()
		to.Reset()
		return nil
	}
	for _, line := range lines[2:] {
		switch {
		case strings.HasPrefix(line, "@@"):
			if err := change(); err != nil {
				return err
			}
		case strings.HasPrefix(line, "-"):
			from.WriteString(line[1:] + "\n")
		case strings.HasPrefix(line, "+"):
			to.WriteString(line[1:] + "\n")
		default:
			line = strings.TrimPrefix(line, " ") + "\n"
			from.WriteString(line)
			to.WriteString(line)
		}
	}
	if err := change(); err != nil {
		return err
	}
	return os.WriteFile(file, src, 0o644)
}

// console runs commands and compares what they print.
func (r *runner) console(lines []string) error {
	if !strings.HasPrefix(lines[0], "$ ") {
		return fmt.Errorf("the block does not begin with a command: %q", lines[0])
	}
	code := 0
	for len(lines) > 0 {
		command := lines[0][2:]
		n := 1
		for n < len(lines) && !strings.HasPrefix(lines[n], "$ ") {
			n++
		}
		want, rest := lines[1:n], lines[n:]
		shown := len(rest) > 0 && rest[0] == "$ echo $?"
		out, err := r.run("sh", "-c", fmt.Sprintf("(exit %d)\n%s", code, command))
		code = 0
		if exit, ok := err.(*exec.ExitError); ok {
			code = exit.ExitCode()
		} else if err != nil {
			return fmt.Errorf("$ %s\n%s%w", command, out, err)
		}
		if code != 0 && !shown {
			return fmt.Errorf("$ %s\n%sexit code %d", command, out, code)
		}
		var got []string
		if text := strings.TrimSuffix(string(out), "\n"); text != "" {
			got = strings.Split(text, "\n")
		}
		if err := r.compare(got, want); err != nil {
			return fmt.Errorf("$ %s\n%w\nit printed:\n%s", command, err, out)
		}
		lines = rest
	}
	return nil
}

// vary lists what differs from one run to the next.
var vary = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`\b[0-9a-f]{10,64}\b`), "ID"},
	{regexp.MustCompile(`\b\d{8}T\d{6}Z(-\d+)?`), "TIME"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?Z?`), "TIME"},
	{regexp.MustCompile(`\d+(\.\d+)? [kMG]?B\b`), "SIZE"},
	{regexp.MustCompile(`\b(just )?now\b|\b(\d+|an?) (second|minute|hour|day|week|month|year)s? ago`), "AGE"},
	{regexp.MustCompile(`\b3\.\d+\.\d+\b`), "PYTHON"},
	{regexp.MustCompile(`\bin \d+\.\d+ s\b`), "in DURATION"},
}

func (r *runner) plain(line string) string {
	for _, dir := range []string{r.dir, realpath(r.dir)} {
		line = strings.ReplaceAll(line, dir, "/home/ada/music")
	}
	for _, v := range vary {
		line = v.find.ReplaceAllString(line, v.put)
	}
	return strings.TrimRight(line, " ")
}

func realpath(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

// compare tells the first line that is not as it should be.
func (r *runner) compare(got, want []string) error {
	for i, line := range want {
		if line == "..." {
			rest := want[i+1:]
			if len(rest) == 0 {
				return nil
			}
			for j := range got {
				if r.plain(got[j]) == r.plain(rest[0]) {
					return r.compare(got[j:], rest)
				}
			}
			return fmt.Errorf("after ... there is no line %q", rest[0])
		}
		if len(got) == 0 {
			return fmt.Errorf("line %d should be %q, but is missing", i+1, line)
		}
		if r.plain(got[0]) != r.plain(line) {
			return fmt.Errorf("line %d should be\n%s\nbut is\n%s", i+1, r.plain(line), r.plain(got[0]))
		}
		got = got[1:]
	}
	if len(got) > 0 {
		return fmt.Errorf("there is more than it should print:\n%s", strings.Join(got, "\n"))
	}
	return nil
}

func TestCompare(t *testing.T) {
	r := &runner{dir: "/tmp/x"}
	for _, c := range []struct {
		got, want string
		ok        bool
	}{
		{"", "", true},
		{"a", "a", true},
		{"a", "", false},
		{"", "a", false},
		{"a\nb\nc", "a\n...\nc", true},
		{"a\nb\nc", "...", true},
		{"a\nb\nc", "a\n...\nd", false},
		{"v1 0021665d8d  12 kB", "v1 154f2e321f  3.8 kB", true},
		{"v1 0021665d8d", "v2 0021665d8d", false},
		{"in /tmp/x/.mstore", "in /home/ada/music/.mstore", true},
	} {
		split := func(s string) []string {
			if s == "" {
				return nil
			}
			return strings.Split(s, "\n")
		}
		if err := r.compare(split(c.got), split(c.want)); (err == nil) != c.ok {
			t.Errorf("%q against %q: %v", c.got, c.want, err)
		}
	}
}

func TestDiff(t *testing.T) {
	r := &runner{dir: t.TempDir()}
	file := filepath.Join(r.dir, "a.py")
	if err := os.WriteFile(file, []byte("one\ntwo\n\nthree\nfour\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := r.diff(strings.Split("--- a.py\n+++ a.py\n@@\n one\n-two\n+2\n+and\n@@\n-four\n+4", "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file); !bytes.Equal(got, []byte("one\n2\nand\n\nthree\n4\n")) {
		t.Fatalf("%s", got)
	}
	if err := r.diff([]string{"--- a.py", "+++ a.py", "-five", "+5"}); err == nil {
		t.Fatal("a line that is not there was replaced")
	}
}
