package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/lineage"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/schema"
)

// ImportOptions say how a folder of saved models becomes history.
type ImportOptions struct {
	Dir      string   // absolute
	Into     string   // where the models lie below the root; "": as Dir does if it is there, else at the root
	Patterns []string // of the timestamps in names; none: the usual ones
	AsIs     bool     // every file is a model of its own
	DryRun   bool
	Author   string
	Location *time.Location // of the timestamps in names; nil: local time

	files vfs.FS // tests: the folder, in place of Dir
}

// ImportResult is what an import did, or would do.
type ImportResult struct {
	Versions []ImportedVersion // oldest first
	Models   int               // different models
	Files    int               // that were found
	Skipped  int               // files that an earlier import had brought
	Hidden   int               // files whose names begin with a dot, which are passed over
	Failed   []ImportFailure   // files that were left out
	// Older counts versions that are older than what the branch had: they come after that
	// in line all the same.
	Older  int
	Branch string
}

// ImportFailure is a file that could not be imported.
type ImportFailure struct {
	File string
	Err  error
}

// ImportedVersion is one version that was made of files of the folder.
type ImportedVersion struct {
	Version  *Version // nil: of a dry run, or when its models were what they had been already
	Time     time.Time
	FromName bool // the time is from the names
	Source   string
	Models   []ImportedModel
}

// ImportedModel is one file that became a model.
type ImportedModel struct {
	File    string // relative to the folder
	Path    string // of the model
	Size    int64
	Kind    string
	Damaged string // what is wrong with it; "": nothing
}

// Metadata of imported versions. The first two are followed by the path of a model.
const (
	importFrom   = "import.file." // which file it was
	importSame   = "import.same." // the content, where that was the model's already
	importMarked = "import.damaged"
)

// Import makes versions of the files of a folder, on the current branch: files whose
// names differ in a timestamp are versions of one model, those of one run are one
// version. The folder is only read. Broken files are imported too, and marked. What an
// earlier import has brought is passed over, so that an interrupted one can be
// repeated.
func (s *Store) Import(ctx context.Context, o ImportOptions) (*ImportResult, error) {
	if o.files == nil {
		root, err := vfs.OpenRoot(o.Dir)
		if notExist(err) {
			return nil, as(ErrNotFound, fmt.Errorf("%q: no such directory", o.Dir))
		}
		if err != nil {
			return nil, fmt.Errorf("opening %q: %w", o.Dir, err)
		}
		defer root.Close()
		o.files = root
	}
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	branch, err := s.branchToSave(sn)
	if err != nil {
		return nil, err
	}
	im := &importer{s: s, o: o, fs: o.files, res: &ImportResult{Branch: branch}}
	plan, err := im.plan(ctx)
	if err != nil {
		return nil, err
	}
	if err := im.known(ctx); err != nil {
		return nil, err
	}
	if o.DryRun {
		if im.checker, err = s.Checker(ctx, schema.Options{Limit: 1, NoValues: true}); err != nil {
			return nil, err
		}
	}
	for i := range plan.Versions {
		if err := im.version(ctx, &plan.Versions[i]); err != nil {
			return im.res, err
		}
	}
	return im.res, nil
}

type importer struct {
	s    *Store
	o    ImportOptions
	fs   vfs.FS
	res  *ImportResult
	into string
	// checker tells the kinds of the files in a dry run.
	checker *Checker
	have    map[string]bool // file, model and content of what is there already
	// newest is the time of the branch's newest version before the import.
	newest time.Time
	done   int64
	all    int64
}

func (im *importer) plan(ctx context.Context) (*lineage.Plan, error) {
	o := lineage.Options{AsIs: im.o.AsIs, Location: im.o.Location}
	if o.Location == nil {
		o.Location = time.Local
	}
	for _, p := range im.o.Patterns {
		pattern, err := lineage.ParsePattern(p)
		if err != nil {
			return nil, as(ErrUsage, err)
		}
		o.Patterns = append(o.Patterns, pattern)
	}
	im.into = im.o.Into
	if im.into == "" && im.o.Dir != "" {
		if rel, err := im.s.Rel(im.o.Dir, "."); err == nil && rel != "." {
			im.into = rel
		}
	}
	var files []lineage.File
	sc := &scanner{fs: im.fs, tree: objects.OpenTree(objects.TreeID{}, nil), warn: im.s.o.Warn}
	err := sc.walk(ctx, ".", func(f file) error {
		if strings.HasPrefix(path.Base(f.path), ".") {
			im.res.Hidden++
			return nil
		}
		files = append(files, lineage.File{Path: f.path, Size: f.fi.Size(), ModTime: f.fi.ModTime()})
		im.all += f.fi.Size()
		return nil
	})
	if err != nil {
		return nil, err
	}
	plan, err := lineage.Make(files, o)
	if err != nil {
		return nil, as(ErrUsage, err)
	}
	for i := range plan.Versions {
		for k := range plan.Versions[i].Items {
			it := &plan.Versions[i].Items[k]
			it.Model = path.Join(im.into, it.Model)
			if err := checkPath(it.Model); err != nil {
				return nil, err
			}
		}
	}
	im.res.Models, im.res.Files = plan.Models, len(files)
	return plan, nil
}

func importKey(file, model string, blob objects.BlobID) string {
	return file + "\x00" + model + "\x00" + blob.String()
}

// known reads which files earlier imports have brought to the branch.
func (im *importer) known(ctx context.Context) error {
	im.have = map[string]bool{}
	for v, err := range im.s.Log(ctx, LogOptions{}) {
		if errors.Is(err, ErrNotFound) { // no version yet
			return nil
		}
		if err != nil {
			return err
		}
		for _, ch := range v.Changes {
			if f, ok := v.Meta[importFrom+ch.Path].(string); ok {
				im.have[importKey(f, ch.Path, ch.Blob)] = true
			}
		}
		for k, b := range v.Meta { // of a model that was what it had been already
			model, ok := strings.CutPrefix(k, importSame)
			f, known := v.Meta[importFrom+model].(string)
			if !ok || !known {
				continue
			}
			if id, err := objects.ParseBlobID(fmt.Sprint(b)); err == nil {
				im.have[importKey(f, model, id)] = true
			}
		}
		if im.newest.IsZero() {
			im.newest = v.Time
		}
	}
	return nil
}

// version imports the files of one version that are not there yet.
func (im *importer) version(ctx context.Context, v *lineage.Version) error {
	var items []lineage.Item
	for _, it := range v.Items {
		if len(im.have) > 0 {
			id, err := hashOf(ctx, im.fs, it.Path)
			if errors.Is(err, fs.ErrPermission) {
				im.res.Failed = append(im.res.Failed, ImportFailure{it.Path, err})
				continue
			}
			if err != nil {
				return err
			}
			if im.have[importKey(it.Path, it.Model, id)] {
				im.res.Skipped++
				im.done += it.Size
				continue
			}
		}
		items = append(items, it)
	}
	if len(items) == 0 {
		return nil
	}
	out := ImportedVersion{Time: v.Time, FromName: v.FromName, Source: v.Source}
	for _, it := range items {
		out.Models = append(out.Models, ImportedModel{File: it.Path, Path: it.Model, Size: it.Size})
	}
	if im.o.DryRun {
		if err := im.look(ctx, &out); err != nil {
			return err
		}
		im.made(out)
		return nil
	}
	before := im.done
	res, err := im.s.save(ctx, CommitOptions{Time: out.Time, Author: im.o.Author, Validate: validateWarn}, source{
		gather: func(c *commit, ctx context.Context) error {
			im.done = before
			return im.gather(ctx, c, &out)
		},
		describe: func(c *commit, _ context.Context) { out.describe(c) },
	})
	if errors.Is(err, fs.ErrPermission) && !errors.Is(err, ErrReadOnly) || errors.Is(err, ErrConflict) {
		im.done = before
		for _, m := range out.Models { // the others can be imported all the same
			im.res.Failed = append(im.res.Failed, ImportFailure{m.File, err})
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("importing %q: %w", out.Models[0].File, err)
	}
	out.Version = res.Version
	im.made(out)
	return nil
}

func (im *importer) made(out ImportedVersion) {
	im.res.Versions = append(im.res.Versions, out)
	if out.Time.Before(im.newest) {
		im.res.Older++
	}
}

// look tells the kinds of the files, for a dry run.
func (im *importer) look(ctx context.Context, out *ImportedVersion) error {
	for i := range out.Models {
		m := &out.Models[i]
		f, err := im.fs.Open(m.File)
		if errors.Is(err, fs.ErrPermission) {
			im.res.Failed = append(im.res.Failed, ImportFailure{m.File, err})
			continue
		}
		if err != nil {
			return err
		}
		rep, err := im.checker.Check(ctx, schema.Input{Name: m.Path, Size: m.Size, At: f})
		_ = f.Close()
		if err != nil {
			return err
		}
		m.tell(rep)
		im.done += m.Size
		im.s.o.Progress("looking", im.done, im.all)
	}
	return nil
}

func (m *ImportedModel) tell(rep *schema.Report) {
	m.Kind = rep.Kind
	if rep.Damaged {
		m.Damaged = rep.Findings[0].String()
	}
}

// gather stores the files of one version.
func (im *importer) gather(ctx context.Context, c *commit, out *ImportedVersion) error {
	c.o.Meta = map[string]any{}
	for i := range out.Models {
		m := &out.Models[i]
		id, err := im.file(ctx, c, m)
		if err != nil {
			return err
		}
		m.tell(c.gate.reports[m.Path])
		if m.Damaged != "" {
			c.o.Meta[importMarked] = true
		}
		c.o.Meta[importFrom+m.Path] = m.File
		c.edits = append(c.edits, objects.TreeEdit{TreeEntry: objects.TreeEntry{Path: m.Path, Blob: id, Size: m.Size}})
		if e, ok, err := c.tree().Get(ctx, m.Path); err == nil && ok && e.Blob == id { // else the next import would not know it
			c.o.Meta[importSame+m.Path] = id.String()
			c.o.AllowEmpty = true
		}
	}
	sortEdits(c.edits)
	return c.w.Flush()
}

// describe says of a version what its models and their files' names say.
func (out *ImportedVersion) describe(c *commit) {
	c.meta = map[string]any{}
	c.describeModels(c.meta)
	c.o.Source = cmp.Or(c.o.Source, out.Source)
	if c.o.Message == "" {
		c.o.Message = "imported " + out.Models[0].File
		if n := len(out.Models) - 1; n > 0 {
			c.o.Message += fmt.Sprintf(" and %d more", n)
		}
	}
	maps.Copy(c.meta, c.o.Meta)
}

// file stores and looks at one file.
func (im *importer) file(ctx context.Context, c *commit, m *ImportedModel) (id objects.BlobID, err error) {
	f, err := im.fs.Open(m.File)
	if err != nil {
		return id, err
	}
	defer f.Close()
	count := counter(func(n int) {
		im.done += int64(n)
		im.s.o.Progress("importing", im.done, im.all)
	})
	id, size, err := c.w.Blob(&ctxReader{ctx, io.TeeReader(f, count)}, m.Size, c.like(ctx, m.Path))
	if err != nil {
		return id, err
	}
	m.Size = size
	return id, c.check(ctx, schema.Input{Name: m.Path, Size: size, At: f})
}
