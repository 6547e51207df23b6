package main

import (
	"fmt"
	"path/filepath"
)

// openZstd is no store: it shows what plain compression gives.
func openZstd(b *bench, models string) *system {
	repo := b.dir("store", "zstd")
	run := func(dir string, args ...string) []command {
		return []command{{dir: dir, argv: append([]string{"zstd", "-q", "-f", "-r", "."}, args...)}}
	}
	return &system{
		name: "zstd", repo: repo,
		save:    func(string) []command { return run(models, "-3", "--output-dir-mirror", repo) },
		restore: func(out string) []command { return run(repo, "-d", "--output-dir-mirror", out) },
		check:   []command{{dir: repo, argv: []string{"zstd", "-q", "-t", "-r", "."}}},
	}
}

// patches measures zstd with each file as a patch to the one before: again no
// store, but what a chain of differences gives. Reading a save back takes all
// the patches before it.
func (b *bench) patches(files []string) error {
	const name = "zstd patch"
	dir, err := b.fresh("store", "patches")
	if err != nil {
		return err
	}
	var saves []usage
	patch := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%03d.zst", i)) }
	for i, f := range files {
		argv := []string{"zstd", "-q", "-3", f, "-o", patch(i)}
		if i > 0 {
			argv = append(argv, "--patch-from="+files[i-1])
		}
		u, err := b.exec(command{argv: argv})
		if err != nil {
			return err
		}
		saves = append(saves, u)
	}
	size, err := diskSize(dir, "")
	if err != nil {
		return err
	}
	b.report.add(row{fmt.Sprintf("%d saves", len(files)), name, median(saves), size, "", "CPU and wall of one save"})

	out, err := b.fresh("out")
	if err != nil {
		return err
	}
	var sum usage
	for i, f := range files {
		restored := filepath.Join(out, filepath.Base(f))
		argv := []string{"zstd", "-q", "-d", patch(i), "-o", restored}
		if i > 0 {
			argv = append(argv, "--patch-from="+filepath.Join(out, filepath.Base(files[i-1])))
		}
		u, err := b.exec(command{argv: argv})
		if err == nil {
			err = sameFile(f, restored)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		sum = sum.plus(u)
		if n := i + 1; n == len(files) || n == (len(files)+1)/2 {
			b.report.add(row{fmt.Sprintf("checkout of v%d", n), name, sum, -1, "", fmt.Sprintf("%d patches, one run; bytes compared", n)})
		}
	}
	return nil
}
