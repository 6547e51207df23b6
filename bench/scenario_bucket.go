package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/mstore/mstore/internal/faultproxy"
)

func runBucket(b *bench) error {
	k, err := b.makeBucket()
	if err != nil {
		return err
	}
	if k == nil {
		b.report.note("Skipped: no engine (make engine-up; eval \"$(scripts/engine.sh env)\").")
		return nil
	}
	defer func() {
		if err := k.remove(); err != nil {
			b.logf("removing bucket %s: %v", k.name, err)
		}
	}()
	for _, part := range []func(*bench, *bucket) error{bucketCommit, bucketExchange, bucketCheckout, bucketLarge} {
		if err := part(b, k); err != nil {
			return err
		}
	}
	return nil
}

// mstoreIn is a command of mstore in a directory.
func (b *bench) mstoreIn(dir string, args ...string) command {
	return command{dir: dir, argv: append([]string{b.mstore}, args...)}
}

func mstoreRow(what string, u usage, size int64, target, note string) row {
	return row{what, "mstore", u, size, target, note}
}

// times says how often one wall time is another.
func times(u, of usage) string {
	return fmt.Sprintf("%.1f times it", u.wall.Seconds()/of.wall.Seconds())
}

// bucketCommit: one model of 5 MB into a new store, beside plain puts of the same bytes.
func bucketCommit(b *bench, k *bucket) error {
	corpus, err := b.corpus("lineage", 0.1)
	if err != nil {
		return err
	}
	v, err := b.newSaves(corpus, "model.json", 2)
	if err != nil {
		return err
	}
	n, prefix := 0, ""
	measure := func(save int) (usage, error) {
		return repeat(b.runs, func() error {
			n++
			prefix = fmt.Sprintf("commit%d", n)
			dir, err := b.fresh("corpus", "saves")
			if err != nil {
				return err
			}
			for i := range save {
				if err := copyFile(filepath.Join(dir, v.name), v.files[i]); err != nil {
					return err
				}
				if i == 0 {
					_, err = b.exec(b.mstoreIn(dir, "init", "--storage", k.url(prefix)))
				}
				if err == nil && i+1 < save {
					_, err = b.exec(b.mstoreIn(dir, "commit", v.name, "-m", "save"))
				}
				if err != nil {
					return err
				}
			}
			b.settle()
			return nil
		}, func() (usage, error) {
			return b.exec(b.mstoreIn(b.dir("corpus", "saves"), "commit", v.name, "-m", "save"))
		})
	}
	u, err := measure(1)
	if err != nil {
		return err
	}
	_, size, err := k.keys(b.ctx, prefix+"/objects/")
	if err != nil {
		return err
	}
	plain, err := repeat(b.runs, nil, func() (usage, error) { n++; return k.puts(b.ctx, fmt.Sprintf("plain%d", n), size, 500, 500) })
	if err != nil {
		return err
	}
	b.report.add(row{"as many bytes, plain", "PUT", plain, size, "", "one PUT and two small ones, by a new connection"})
	b.report.add(mstoreRow("commit of 5 MB", u, size, "3 times plain", times(u, plain)))
	again, err := measure(2)
	if err != nil {
		return err
	}
	b.report.add(mstoreRow("commit, its next save", again, -1, "", ""))
	if b.has("restic") {
		if err := b.resticCommit(k, v); err != nil {
			b.gaveUp("restic", err)
		}
	}
	return nil
}

// bucketExchange: all saves of a lineage, pushed and cloned.
func bucketExchange(b *bench, k *bucket) error {
	corpus, err := b.corpus("lineage", 0.1)
	if err != nil {
		return err
	}
	v, err := b.newSaves(corpus, "model.json", scaled(b, 100, 10))
	if err != nil {
		return err
	}
	local := openMstore(b, v.dir)
	if _, err := b.exec(local.init...); err != nil {
		return err
	}
	if _, err := b.saveEach(v, v.files, local.save); err != nil {
		return err
	}
	proxy, err := faultproxy.New(k.endpoints[0], nil)
	if err != nil {
		return err
	}
	defer proxy.Close()
	what := fmt.Sprintf("%d saves", len(v.files))

	n := 0
	remote := func(endpoints ...string) error {
		n++
		seat, err := b.fresh("out")
		if err == nil {
			_, err = b.exec(b.mstoreIn(seat, "init", "--storage", k.url("push"+itoa(n))),
				b.mstoreIn(v.dir, "remote", "add", "r"+itoa(n), k.url("push"+itoa(n), endpoints...)))
		}
		return err
	}
	push := func() (usage, error) { return b.exec(b.mstoreIn(v.dir, "push", "r"+itoa(n), "main")) }
	u, err := repeat(b.runs, func() error { return remote() }, push)
	if err != nil {
		return err
	}
	if err := remote(proxy.URL()); err != nil {
		return err
	}
	if _, err := push(); err != nil {
		return err
	}
	c := proxy.Counts()
	_, size, err := k.keys(b.ctx, "push"+itoa(n)+"/")
	if err != nil {
		return err
	}
	b.report.add(mstoreRow("push of "+what, u, size, "5 s, 1.1 times what is stored", fmt.Sprintf("moved: %.2f times what is stored, %d requests", float64(c.Sent+c.Received)/float64(size), c.Total())))

	fresh := func() error {
		dir, err := b.fresh("out")
		if err == nil {
			err = os.Remove(dir)
		}
		return err
	}
	clone := func(endpoints ...string) (usage, error) {
		u, err := b.exec(b.mstoreIn(b.work, "clone", k.url("push"+itoa(n), endpoints...), b.dir("out")))
		if err == nil {
			err = sameFile(v.files[len(v.files)-1], b.dir("out", v.name))
		}
		return u, err
	}
	if u, err = repeat(b.runs, fresh, func() (usage, error) { return clone() }); err != nil {
		return err
	}
	proxy.Reset()
	if err := fresh(); err != nil {
		return err
	}
	if _, err := clone(proxy.URL()); err != nil {
		return err
	}
	c = proxy.Counts()
	b.report.add(mstoreRow("clone of "+what, u, -1, "5 s, 1.1 times what is stored", fmt.Sprintf("moved: %.2f times what is stored, %d requests; bytes compared", float64(c.Sent+c.Received)/float64(size), c.Total())))
	return b.sweep(v.dir)
}

// bucketCheckout: many models into a directory that has no copies of anything yet,
// beside a plain client that gets the same packs.
func bucketCheckout(b *bench, k *bucket) error {
	models, err := b.corpus("musichal", 0.02)
	if err != nil {
		return err
	}
	if err := b.sweep(models); err != nil {
		return err
	}
	raw, err := rawSize(models)
	if err != nil {
		return err
	}
	if _, err := b.exec(b.mstoreIn(models, "init", "--storage", k.url("musichal"))); err != nil {
		return err
	}
	u, err := b.exec(b.mstoreIn(models, "commit", ".", "-m", "all"))
	if err != nil {
		return err
	}
	keys, size, err := k.keys(b.ctx, "musichal/objects/")
	if err != nil {
		return err
	}
	b.report.add(mstoreRow("commit of musichal", u, size, "", "of "+megabytes(raw)+" MB raw, one run"))
	var dir string
	fresh := func() (err error) { dir, err = b.fresh("out"); return err }
	plain, err := repeat(b.runs, fresh, func() (usage, error) { return k.fetch(b.ctx, keys, dir) })
	if err != nil {
		return err
	}
	b.report.add(row{"its packs, plain", "GET", plain, size, "", fmt.Sprintf("%d at once, into files", fetchers)})
	attach := func() error {
		err := fresh()
		if err == nil {
			_, err = b.exec(b.mstoreIn(dir, "init", "--storage", k.url("musichal")))
		}
		return err
	}
	u, err = repeat(b.runs, attach, func() (usage, error) {
		u, err := b.exec(b.mstoreIn(dir, "checkout", "HEAD"))
		if err == nil {
			err = sameModels(models, dir)
		}
		return u, err
	})
	if err != nil {
		return err
	}
	b.report.add(mstoreRow("checkout, cold", u, -1, "60% of plain", fmt.Sprintf("%.0f%% of the speed of plain; bytes compared", 100*plain.wall.Seconds()/u.wall.Seconds())))
	u, err = repeat(b.runs, nil, func() (usage, error) {
		to := filepath.Join(dir, ".again")
		if err := os.RemoveAll(to); err != nil {
			return usage{}, err
		}
		return b.exec(b.mstoreIn(dir, "checkout", "HEAD", "-o", to))
	})
	if err != nil {
		return err
	}
	b.report.add(mstoreRow("checkout, from copies", u, -1, "", ""))
	if b.has("restic") {
		if err := b.resticWhole(k, models); err != nil {
			b.gaveUp("restic", err)
		}
	}
	if b.versionOf("rclone", "version") != "" {
		if err := b.rclone(k, models); err != nil {
			b.gaveUp("rclone", err)
		}
	}
	return b.sweep(models)
}

// bucketLarge: a file of 2 GB that does not compress.
func bucketLarge(b *bench, k *bucket) error {
	dir, err := b.fresh("corpus", "huge")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	f, err := os.Create(filepath.Join(dir, "model.bin"))
	if err != nil {
		return err
	}
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{1}), scaled[int64](b, 2e9, 50e6)); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if _, err := b.exec(b.mstoreIn(dir, "init", "--storage", k.url("huge"))); err != nil {
		return err
	}
	u, err := b.exec(b.mstoreIn(dir, "commit", "model.bin", "-m", "huge"))
	if err != nil {
		return err
	}
	_, size, err := k.keys(b.ctx, "huge/objects/")
	if err != nil {
		return err
	}
	b.report.add(mstoreRow("commit of 2 GB", u, size, "300 MB peak", "one run"))
	out, err := b.fresh("out")
	if err == nil {
		_, err = b.exec(b.mstoreIn(out, "init", "--storage", k.url("huge")))
	}
	if err != nil {
		return err
	}
	if u, err = b.exec(b.mstoreIn(out, "checkout", "HEAD")); err != nil {
		return err
	}
	if err := sameModels(dir, out); err != nil {
		return err
	}
	b.report.add(mstoreRow("checkout of 2 GB, cold", u, -1, "300 MB peak", "one run, bytes compared"))
	return os.RemoveAll(out)
}

// resticIn is restic with a repository in the bucket.
func (b *bench) resticIn(k *bucket, dir, prefix string, args ...string) command {
	return command{dir: dir, env: []string{"RESTIC_PASSWORD=bench", "RESTIC_CACHE_DIR=" + b.dir("home", "restic"),
		"RESTIC_REPOSITORY=s3:" + k.endpoints[0] + "/" + k.name + "/" + prefix}, argv: append([]string{"restic", "-q"}, args...)}
}

func (b *bench) resticCommit(k *bucket, v *saves) error {
	n := 0
	u, err := repeat(b.runs, func() error {
		n++
		dir, err := b.fresh("corpus", "saves")
		if err == nil {
			err = copyFile(filepath.Join(dir, v.name), v.files[0])
		}
		if err == nil {
			_, err = b.exec(b.resticIn(k, dir, "restic"+itoa(n), "init"))
		}
		return err
	}, func() (usage, error) {
		return b.exec(b.resticIn(k, b.dir("corpus", "saves"), "restic"+itoa(n), "backup", v.name))
	})
	if err != nil {
		return err
	}
	_, size, err := k.keys(b.ctx, "restic"+itoa(n)+"/data/")
	if err == nil {
		b.report.add(row{"commit of 5 MB", "restic", u, size, "", ""})
	}
	return err
}

func (b *bench) resticWhole(k *bucket, models string) error {
	if _, err := b.exec(b.resticIn(k, models, "resticall", "init")); err != nil {
		return err
	}
	u, err := b.exec(b.resticIn(k, models, "resticall", "backup", "."))
	if err != nil {
		return err
	}
	_, size, err := k.keys(b.ctx, "resticall/data/")
	if err != nil {
		return err
	}
	b.report.add(row{"commit of musichal", "restic", u, size, "", "one run"})
	u, err = b.restoring(func(out string) []command {
		return []command{b.resticIn(k, models, "resticall", "--no-cache", "restore", "latest", "--target", out)}
	}, func(out string) error { return sameModels(models, out) })
	if err == nil {
		b.report.add(row{"checkout, cold", "restic", u, -1, "", "bytes compared"})
	}
	return err
}

// rclone copies the files as they are, there and back.
func (b *bench) rclone(k *bucket, models string) error {
	env := []string{"RCLONE_CONFIG=" + os.DevNull, "RCLONE_CONFIG_E_TYPE=s3", "RCLONE_CONFIG_E_PROVIDER=Ceph", "RCLONE_CONFIG_E_ENV_AUTH=true",
		"RCLONE_CONFIG_E_ENDPOINT=" + k.endpoints[0]}
	run := func(args ...string) (usage, error) {
		return b.exec(command{env: env, argv: append([]string{"rclone", "--transfers", itoa(fetchers)}, args...)})
	}
	to := strings.Join([]string{"e:" + k.name, "rclone"}, "/")
	u, err := run("copy", models, to, "--exclude", "/.*/**")
	if err != nil {
		return err
	}
	_, size, err := k.keys(b.ctx, "rclone/")
	if err != nil {
		return err
	}
	b.report.add(row{"copy of musichal", "rclone", u, size, "", "the files as they are, one run"})
	var out string
	u, err = repeat(b.runs, func() (err error) { out, err = b.fresh("out"); return err }, func() (usage, error) {
		u, err := run("copy", to, out)
		if err == nil {
			err = sameModels(models, out)
		}
		return u, err
	})
	if err == nil {
		b.report.add(row{"copy back", "rclone", u, -1, "", "the files as they are; bytes compared"})
	}
	return err
}
