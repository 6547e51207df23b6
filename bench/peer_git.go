package main

import (
	"fmt"
	"path/filepath"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

func openGit(_ *bench, models string) *system {
	run := func(args ...string) command {
		// gc in the foreground, so that its cost counts
		argv := append([]string{"git", "-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "gc.autoDetach=false",
			"-c", "maintenance.autoDetach=false", "-c", "core.autocrlf=false"}, args...)
		return command{dir: models, argv: argv}
	}
	return &system{
		name: "git", repo: filepath.Join(models, ".git"),
		init: []command{run("init", "-q", "-b", "main")},
		save: func(path string) []command {
			return []command{run("add", "-A", path), run("commit", "-q", "--allow-empty", "-m", "save")}
		},
		restore: func(out string) []command {
			return []command{run("checkout-index", "-a", "-f", "--prefix="+out+string(filepath.Separator))}
		},
		check: []command{run("fsck", "--full", "--no-progress")},
		gc:    []command{run("gc", "-q")},
		read: func(path string, save, saves int) []command {
			return []command{run("show", fmt.Sprintf("HEAD~%d:%s", saves-save, filepath.ToSlash(path)))}
		},
		at: func(out string, save, saves int) []command {
			c := run("--work-tree="+out, "checkout", "-q", "-f", fmt.Sprintf("HEAD~%d", saves-save), "--", ".")
			c.env = []string{"GIT_INDEX_FILE=" + filepath.Join(out, ".index")} // the repository's own stays as it is
			return []command{c}
		},
		small: func() (log, show, help command) {
			return run("log", "-n", "1"), run("show", "--stat", "HEAD"), run("--help")
		},
		logPath: func(path string) command { return run("log", "--", path) },
	}
}

func openLFS(b *bench, models string) *system {
	s := openGit(b, models)
	s.name = "git-lfs"
	git := func(args ...string) command { return command{dir: models, argv: append([]string{"git"}, args...)} }
	s.init = append(s.init, git("lfs", "install", "--local"), git("lfs", "track", "*.json", "*.safetensors"), git("add", "-f", ".gitattributes"))
	s.check, s.gc = []command{git("lfs", "fsck")}, nil
	s.read = func(path string, save, saves int) []command {
		// show alone would print the pointer
		return []command{git("cat-file", "--filters", fmt.Sprintf("HEAD~%d:%s", saves-save, filepath.ToSlash(path)))}
	}
	s.small, s.logPath = nil, nil
	return s
}
