package lineage

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// File is a file of the folder.
type File struct {
	Path    string // slash-separated, relative to the folder
	Size    int64
	ModTime time.Time
}

// Options are how names are read. The zero Options are the usual ones.
type Options struct {
	Patterns []Pattern // of timestamps, in order of preference; none: Default
	// AsIs makes every file a model of its own under its own path. Timestamps
	// still order the versions, except in a name that has several: its file is
	// of its modification time.
	AsIs     bool
	Location *time.Location // of the timestamps in names; nil is UTC
}

// Item is a file as a version of a model.
type Item struct {
	File
	Model  string // the path of the model; those that differ in case alone are kept apart
	Stem   string // its base name without the extension
	Source string // the part of the name before the timestamp, as "Itzama"; "" without one
	// Time is that of the version: the timestamp when FromName, which for an
	// ordinal is the start of the day; else the modification time, or that of
	// a file of the same model with a higher number when that is earlier: a
	// file may have been touched after it was written, but not before.
	Time     time.Time
	FromName bool // the name has a timestamp
}

// Version is what was saved at one time: the files of a run, or files without
// a timestamp that were modified at the same moment. A run whose files are
// numbered, or otherwise are several of one model, has a version for each.
type Version struct {
	Time     time.Time
	FromName bool
	Source   string
	Items    []Item // by model path, each model once
}

// Plan is the history of a folder.
type Plan struct {
	Versions []Version // oldest first
	Models   int       // different model paths
}

// Make plans the history in which every file is one item of one version. The
// plan does not depend on the order of files, which are left alone.
//
// Versions are ordered by time, at the same time by number, then by source and
// path. The error is a *NameError for the first file by path that has more
// than one timestamp in its name (not with AsIs) or is given twice.
func Make(files []File, o Options) (*Plan, error) {
	if len(o.Patterns) == 0 {
		o.Patterns = defaults()
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	list := make([]named, 0, len(files))
	models := map[string]bool{}
	for i, f := range files {
		if i > 0 && files[i-1].Path == f.Path {
			return nil, &NameError{Path: f.Path, Field: "path", Text: "is given twice"}
		}
		n, err := o.name(f)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
		models[n.Model] = true
	}
	readOrdinals(list, o.Location)
	holdNumbers(list)
	return &Plan{Versions: versions(list), Models: len(models)}, nil
}

// readOrdinals makes ordinals of the six digits of sources that on the same
// day have six digits which are no time of day.
func readOrdinals(list []named, loc *time.Location) {
	type key struct {
		source string
		date   [3]int
	}
	days := map[key]bool{}
	for _, n := range list {
		if n.moment.ordinal {
			days[key{n.Source, n.moment.date()}] = true
		}
	}
	for i := range list {
		n := &list[i]
		if n.FromName && n.moment.digits >= 0 && days[key{n.Source, n.moment.date()}] {
			n.moment.ordinal = true
			n.ordinal = n.moment.digits + 1
			n.Time = n.moment.time(loc)
		}
	}
}

// holdNumbers gives numbered files times that do not contradict their order.
func holdNumbers(list []named) {
	series := map[string][]*named{}
	for i := range list {
		if n := &list[i]; !n.FromName && n.numbers[0] > 0 {
			series[n.Model] = append(series[n.Model], n)
		}
	}
	for _, s := range series {
		slices.SortFunc(s, func(a, b *named) int {
			return cmp.Or(slices.Compare(a.numbers[:], b.numbers[:]), strings.Compare(a.Path, b.Path))
		})
		for i := len(s) - 2; i >= 0; i-- {
			if s[i].Time.After(s[i+1].Time) {
				s[i].Time = s[i+1].Time
			}
		}
	}
}
