package expr

import (
	"strings"
	"time"
)

// VersionFields are what an expression can ask of any version.
var VersionFields = []Field{
	{Name: "version", Type: Number}, {Name: "time", Type: Time},
	{Name: "author", Type: String}, {Name: "message", Type: String}, {Name: "branch", Type: String},
	{Name: "source", Type: String}, {Name: "tag", Type: String}, {Name: "alias", Type: String},
	{Name: "models", Type: Number}, {Name: "size", Type: Number},
	{Name: "params."}, {Name: "metrics."}, {Name: "git."}, {Name: "env."}, {Name: "meta."},
	{Name: "quality.errors", Type: Number}, {Name: "quality.warnings", Type: Number},
}

// Age is the field of expressions that know what time it is.
var Age = Field{Name: "age", Type: Duration}

// Version is the Env of one version. Of its tags and aliases it has one each, "" for
// none.
type Version struct {
	Seq                   uint64 // as in vN
	Time                  time.Time
	Now                   time.Time // zero: there is no Age
	Author, Message       string
	Branch, Source        string
	Tag, Alias            string
	Models                int
	Bytes                 int64
	Errors, Warnings      int
	Params, Metrics, Meta map[string]any // Meta: git.* and env.* with their sections, others by their names
}

// Lookup implements Env.
func (v *Version) Lookup(field string) (value any, known bool) {
	text := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	switch field {
	case "version":
		return int64(v.Seq), true
	case "time":
		return v.Time, true
	case Age.Name:
		if v.Now.IsZero() {
			return nil, false
		}
		return v.Now.Sub(v.Time), true
	case "author":
		return v.Author, true
	case "message":
		return v.Message, true
	case "branch":
		return v.Branch, true
	case "source":
		return text(v.Source), true
	case "tag":
		return text(v.Tag), true
	case "alias":
		return text(v.Alias), true
	case "models":
		return int64(v.Models), true
	case "size":
		return v.Bytes, true
	case "quality.errors":
		return int64(v.Errors), true
	case "quality.warnings":
		return int64(v.Warnings), true
	}
	section, name, below := strings.Cut(field, ".")
	if !below {
		return nil, false
	}
	switch section {
	case "git", "env":
		return v.Meta[field], true
	case "meta":
		return v.Meta[name], true
	case "params":
		return v.Params[name], true
	case "metrics":
		return v.Metrics[name], true
	}
	return nil, false
}
