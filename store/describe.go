package store

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/gitinfo"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
)

const (
	gitFile = workDir + "/git"
	maxGit  = 64 << 20
	// maxMeta bounds the metadata of a version: so many values, texts of so many bytes.
	maxMeta     = 500
	maxMetaText = 2000
)

// describe completes what is said of the version: by the models themselves, where
// nothing was given, and by what is around them.
func (c *commit) describe(ctx context.Context) {
	meta := map[string]any{}
	c.describeModels(meta)
	c.describeAround(ctx, meta)
	c.describeSource(ctx, meta)
	c.keepMeta(meta)
}

// describeAround tells what is around the models, as far as the settings want it.
func (c *commit) describeAround(ctx context.Context, meta map[string]any) {
	if c.on(metaGit) {
		c.describeProject(ctx, meta)
	}
	if c.on(metaSystem) {
		c.describeSystem(meta)
	}
}

// keepMeta makes meta, and what was given beside it, the version's, within bounds.
func (c *commit) keepMeta(meta map[string]any) {
	maps.Copy(meta, c.o.Meta)
	c.meta = nil
	for _, k := range sortedKeys(meta) {
		v := meta[k]
		if s, ok := v.(string); ok {
			v = cut(s, maxMetaText)
		}
		if v == nil || len(c.meta) >= maxMeta {
			continue
		}
		if c.meta == nil {
			c.meta = map[string]any{}
		}
		c.meta[k] = v
	}
}

// on tells whether a setting is not switched off.
func (c *commit) on(key string) bool {
	on, err := strconv.ParseBool(c.settings[key])
	return on || err != nil
}

// unanimous collects values that several models give, and leaves out those on which
// they do not agree.
type unanimous struct {
	values map[string]any
	not    map[string]bool
}

func (u *unanimous) add(k string, v any) {
	if v == nil || v == "" {
		return
	}
	if old, ok := u.values[k]; ok && old != v {
		u.not[k] = true
	}
	u.values[k] = v
}

func (u *unanimous) into(to map[string]any) map[string]any {
	to = maps.Clone(to)
	for _, k := range sortedKeys(u.values) {
		if _, given := to[k]; given || u.not[k] || k == "" || len(k) > 1000 {
			continue
		}
		if to == nil {
			to = map[string]any{}
		}
		to[k] = u.values[k]
	}
	return to
}

func newUnanimous() *unanimous { return &unanimous{map[string]any{}, map[string]bool{}} }

// describeModels takes what the models say of themselves: values at the paths that the
// settings and their kind name, and the metadata of a wrapper.
func (c *commit) describeModels(meta map[string]any) {
	params, metrics, other := newUnanimous(), newUnanimous(), newUnanimous()
	for _, p := range sortedKeys(c.gate.reports) {
		rep := c.gate.reports[p]
		inside := map[string]bool{} // the wrapper's word comes before the document's
		for _, k := range sortedKeys(rep.Metadata) {
			v := rep.Metadata[k]
			section, name, _ := strings.Cut(k, ".")
			switch {
			case k == "description":
				other.add("message", v)
			case k == "training_source" || k == "source":
				other.add("source", v)
			case (section == "parameters" || section == "params") && name != "":
				params.add(name, v)
				inside["p"+name] = true
			case section == "metrics" && name != "":
				metrics.add(name, v)
				inside["m"+name] = true
			default:
				other.add("wrapper."+k, v)
			}
		}
		for k, v := range rep.Params {
			if !inside["p"+k] {
				params.add(k, v)
			}
		}
		for k, v := range rep.Metrics {
			if !inside["m"+k] {
				metrics.add(k, v)
			}
		}
		if _, told := rep.Metadata["training_source"]; !told {
			other.add("source", rep.Source)
		}
	}
	c.o.Params, c.o.Metrics = params.into(c.o.Params), metrics.into(c.o.Metrics)
	said := other.into(nil)
	take := func(key string, to *string) {
		if s, ok := said[key].(string); ok && *to == "" {
			*to = s
		}
		delete(said, key)
	}
	take("message", &c.o.Message)
	take("source", &c.o.Source)
	maps.Copy(meta, said)
}

// describeProject tells the git state of the project around the models.
func (c *commit) describeProject(ctx context.Context, meta map[string]any) {
	if c.s.rootDir == "" {
		return
	}
	st, ok, err := gitinfo.Read(ctx, c.s.rootDir, workFile{c.s, gitFile})
	if !ok && err == nil {
		return
	}
	put := func(k, v string) {
		if v != "" {
			meta[k] = v
		}
	}
	put("git.commit", st.Commit)
	put("git.branch", st.Branch)
	if err != nil {
		put("git.error", err.Error())
		return
	}
	meta["git.dirty"] = st.Dirty
}

// workFile is a file of the workspace that may be lost.
type workFile struct {
	s    *Store
	name string
}

// Load implements gitinfo.Cache.
func (f workFile) Load() []byte {
	b, err := vfs.ReadFile(f.s.root, f.name, maxGit)
	if err != nil {
		return nil
	}
	return b
}

// Save implements gitinfo.Cache.
func (f workFile) Save(b []byte) { _ = f.s.writeWork(f.name, b, false) }

func (c *commit) describeSystem(meta map[string]any) {
	if host, err := os.Hostname(); err == nil && host != "" {
		meta["host"] = host
	}
	if name := userName(); name != "" {
		meta["user"] = name
	}
	meta["os"] = runtime.GOOS + "/" + runtime.GOARCH
	if c.s.o.Release != "" {
		meta["mstore"] = c.s.o.Release
	}
}

// describeSource tells size, modification time and hash of what the models were made
// from, if that is a file here.
func (c *commit) describeSource(ctx context.Context, meta map[string]any) {
	if c.o.Source == "" || strings.ContainsAny(c.o.Source, "\n\x00") || c.s.rootDir == "" {
		return
	}
	name := c.o.Source
	if !filepath.IsAbs(name) {
		dir := c.o.SourceDir
		if dir == "" {
			dir = c.s.rootDir
		}
		name = filepath.Join(dir, filepath.FromSlash(name))
	}
	fi, err := os.Stat(name)
	if err != nil || !fi.Mode().IsRegular() {
		return
	}
	f, err := os.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	h := objects.NewHasher()
	n, err := copyBuffer(h, &ctxReader{ctx, f})
	if err != nil || n != fi.Size() {
		return
	}
	meta["source.size"] = fi.Size()
	meta["source.time"] = fi.ModTime().UTC().Format(time.RFC3339)
	meta["source.blake3"] = fmt.Sprintf("%x", h.Sum(nil))
}
