package main

import (
	"fmt"
	"path/filepath"
)

func openRestic(b *bench, models string) *system {
	repo := b.dir("store", "restic")
	env := []string{"RESTIC_PASSWORD=bench", "RESTIC_REPOSITORY=" + repo, "RESTIC_CACHE_DIR=" + b.dir("home", "restic")}
	run := func(args ...string) command {
		return command{dir: models, env: env, argv: append([]string{"restic", "-q"}, args...)}
	}
	saves := 0
	return &system{
		name: "restic", repo: repo,
		init: []command{run("init")},
		save: func(path string) []command {
			saves++
			return []command{run("backup", "--tag", fmt.Sprintf("s%d", saves), path)}
		},
		restore: func(out string) []command { return []command{run("restore", "latest", "--target", out)} },
		check:   []command{run("check", "--read-data")},
		read: func(path string, save, _ int) []command {
			return []command{run("dump", "--tag", fmt.Sprintf("s%d", save), "latest", "/"+filepath.ToSlash(path))}
		},
		at: func(out string, save, _ int) []command {
			return []command{run("restore", "--tag", fmt.Sprintf("s%d", save), "latest", "--target", out)}
		},
	}
}

func openBorg(b *bench, models string) *system {
	repo := b.dir("store", "borg")
	env := []string{"BORG_REPO=" + repo, "BORG_BASE_DIR=" + b.dir("home", "borg"), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes"}
	run := func(dir string, args ...string) command {
		return command{dir: dir, env: env, argv: append([]string{"borg"}, args...)}
	}
	saves := 0
	return &system{
		name: "borg", repo: repo,
		init: []command{run(models, "init", "-e", "none")},
		save: func(path string) []command {
			saves++
			return []command{run(models, "create", "-C", "zstd", fmt.Sprintf("::s%d", saves), path)}
		},
		restore: func(out string) []command { return []command{run(out, "extract", fmt.Sprintf("::s%d", saves))} },
		check:   []command{run(models, "check", "--verify-data")},
		read: func(path string, save, _ int) []command {
			return []command{run(models, "extract", "--stdout", fmt.Sprintf("::s%d", save), filepath.ToSlash(path))}
		},
		at: func(out string, save, _ int) []command {
			return []command{run(out, "extract", fmt.Sprintf("::s%d", save))}
		},
	}
}
