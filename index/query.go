package index

import (
	"bytes"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/objects"
)

// Hit is a version that answers a question.
type Hit struct {
	Entry     uint64
	Line, Seq uint64
	ID        objects.VersionID
	Path      string // see Where; "" when the question was not about paths
	Value     any    // of the field that Sorted sorts by; nil elsewhere
}

// Where says which versions are asked for: those that satisfy all of it. The
// zero value is every version.
type Where struct {
	// Paths are models or directories, without a slash at their end. A version
	// answers when it added, changed or removed one of these models, or one below
	// such a directory; Hit.Path is the first of those that it did. Empty: all.
	Paths []string
	// Blob, if not nil, demands that the version put content with such an ID
	// somewhere (at or below Paths); there is a hit for each such path.
	Blob *BlobPrefix
	// Since and Until bound the version's time: Since <= time < Until. The zero
	// value is no bound.
	Since, Until time.Time
	// Expr must hold; its fields are expr.VersionFields and expr.ChangeFields. nil: all.
	Expr *expr.Expr
	// Lines, if not nil, are the lines whose versions are asked for, each up to a
	// sequence number.
	Lines map[uint64]uint64
	// Facts are what versions do not say themselves.
	Facts Facts
}

// BlobPrefix is the beginning of an ID, or all of it: Digits hexadecimal digits of ID.
type BlobPrefix struct {
	ID     objects.BlobID
	Digits int // 2 * objects.IDSize: all
}

func (p *BlobPrefix) fits(id objects.BlobID) bool {
	n := p.Digits / 2
	return bytes.Equal(id[:n], p.ID[:n]) && (p.Digits%2 == 0 || id[n]>>4 == p.ID[n]>>4)
}

// Facts are what a snapshot says of versions beside what they say themselves. None of its
// functions may be called concurrently; their errors end the question.
type Facts struct {
	Now           time.Time           // for ages
	Tags, Aliases map[uint64][]string // of the versions of entries
	// Expired tells whether content has expired. nil: none has.
	Expired func(objects.BlobID) (bool, error)
	// Changes lists what a version changed that does not list it itself, as it is more
	// than objects.MaxChanges models. nil: nothing.
	Changes func(entry uint64) ([]objects.Change, error)
}

// changesOf returns all that a version changed.
func (f *Facts) changesOf(entry uint64, v *objects.Version) ([]objects.Change, error) {
	if !isElided(v) {
		return v.Changes, nil
	}
	return f.elided(entry)
}

func (f *Facts) elided(entry uint64) ([]objects.Change, error) {
	if f.Changes == nil {
		return nil, nil
	}
	return f.Changes(entry)
}

// Sortable tells whether Sorted can sort by a field: those of which a version has one
// value.
func Sortable(field string) bool {
	switch field {
	case "version", "time":
		return true
	}
	return fieldColumn(field) != ""
}

// fieldColumn is the column that holds a field of expressions; "" for none.
func fieldColumn(field string) string {
	switch field {
	case "author", "message", "branch", "source", "models", "size", "quality.errors", "quality.warnings":
		return field
	}
	section, name, below := strings.Cut(field, ".")
	switch {
	case !below || name == "":
		return ""
	case section == "params", section == "metrics", section == "meta":
		return field
	case section == "git", section == "env":
		return "meta." + field
	}
	return ""
}

// Query answers questions about one snapshot of a journal, inside With or
// Walk. It is not safe for concurrent use.
type Query struct {
	finder        finder
	last, indexed uint64
}

// finder knows the versions.
type finder interface {
	// find yields the hits newest first. With a field, it yields only versions that have
	// it, with its value, and may leave out those that floor says come too late.
	find(w *Where, field string, floor *floor, yield func(Hit) bool) error
	// fields adds the types of the values of each field to types, by name of column.
	fields(types map[string]Types) error
}

// Last is the newest journal entry that the answers take into account.
func (q *Query) Last() uint64 { return q.last }

// Indexed is the newest journal entry that is answered for by badger; what is
// after it is read from the journal. 0 for Walk.
func (q *Query) Indexed() uint64 { return q.indexed }

// Find yields the versions that w asks for, newest (highest Entry) first, and
// those of one version by path. An error ends the sequence.
func (q *Query) Find(w Where) iter.Seq2[Hit, error] {
	return func(yield func(Hit, error) bool) {
		more := true
		err := q.finder.find(&w, "", nil, func(h Hit) bool {
			more = yield(h, nil)
			return more
		})
		if err != nil && more {
			yield(Hit{}, err)
		}
	}
}

// Fields returns which params.NAME, metrics.NAME and meta.NAME versions have, and of which
// types. It may name some that only versions after the snapshot have.
func (q *Query) Fields() (map[string]Types, error) {
	types := map[string]Types{}
	if err := q.finder.fields(types); err != nil {
		return nil, err
	}
	for name := range types {
		if section, _, ok := strings.Cut(name, "."); !ok || section == "quality" {
			delete(types, name)
		}
	}
	return types, nil
}

func (w *Where) inTime(t time.Time) bool {
	return !(t.Before(w.Since) && !w.Since.IsZero()) && (w.Until.IsZero() || t.Before(w.Until))
}

// inPaths tells whether a path is asked for.
func (w *Where) inPaths(path string) bool {
	return len(w.Paths) == 0 || slices.ContainsFunc(w.Paths, func(p string) bool { return below(path, p) })
}

// byChange tells whether w is about what versions changed.
func (w *Where) byChange() bool {
	return w.Blob != nil || len(w.Paths) > 0 && !slices.ContainsFunc(w.Paths, func(p string) bool { return p == "" || p == "." })
}

// changeHits appends a hit for what of a version's changes is asked for.
func (w *Where) changeHits(list []Hit, h Hit, changes []objects.Change) []Hit {
	for _, c := range changes {
		if !w.inPaths(c.Path) {
			continue
		}
		h.Path = c.Path
		if w.Blob == nil {
			return append(list, h)
		}
		if w.Blob.fits(c.Blob) && c.Status != objects.Removed {
			list = append(list, h)
		}
	}
	return list
}
