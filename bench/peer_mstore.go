package main

import "path/filepath"

func openMstore(b *bench, models string) *system {
	run := func(args ...string) command {
		return command{dir: models, argv: append([]string{b.mstore}, args...)}
	}
	one := func(c command) []command { return []command{c} }
	return &system{
		name: "mstore", repo: filepath.Join(models, ".mstore"), skip: "work",
		init:    one(run("init")),
		save:    func(path string) []command { return one(run("commit", path, "-m", "save")) },
		fast:    func(path string) []command { return one(run("commit", "--fast", path, "-m", "save")) },
		restore: func(out string) []command { return one(run("checkout", "HEAD", "-o", out)) },
		check:   one(run("fsck")),
		gc:      one(run("gc")),
		read: func(path string, save, _ int) []command {
			return one(run("cat", "v"+itoa(save)+":"+filepath.ToSlash(path)))
		},
		at:      func(out string, save, _ int) []command { return one(run("checkout", "v"+itoa(save), "-o", out)) },
		small:   func() (log, show, help command) { return run("log", "-n", "1"), run("show", "HEAD"), run("--help") },
		logPath: func(path string) command { return run("log", path) },
	}
}
