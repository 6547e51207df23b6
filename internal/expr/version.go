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

// ChangeFields are what an expression can ask of the models that a version added,
// changed or removed, and of what time it is, where that is known. Of several paths and
// kinds one is enough. A version is expired when any content that it put is.
var ChangeFields = []Field{
	{Name: "age", Type: Duration}, {Name: "path", Type: String}, {Name: "kind", Type: String}, {Name: "expired", Type: Bool},
}

// Version is the Env of one version.
type Version struct {
	Seq             uint64 // as in vN
	Time            time.Time
	Author, Message string
	Branch, Source  string
	Tags, Aliases   []string
	// Changes are the values of ChangeFields; nil where these are not known.
	Changes               *Changes
	Models                int
	Bytes                 int64
	Errors, Warnings      int
	Params, Metrics, Meta map[string]any // Meta: git.* and env.* with their sections, others by their names
}

// Changes are the values of ChangeFields of one version.
type Changes struct {
	Now          time.Time
	Paths, Kinds []string
	Expired      bool
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
	case "author":
		return v.Author, true
	case "message":
		return v.Message, true
	case "branch":
		return v.Branch, true
	case "source":
		return text(v.Source), true
	case "tag":
		return v.Tags, true
	case "alias":
		return v.Aliases, true
	case "models":
		return int64(v.Models), true
	case "size":
		return v.Bytes, true
	case "quality.errors":
		return int64(v.Errors), true
	case "quality.warnings":
		return int64(v.Warnings), true
	}
	if c := v.Changes; c != nil {
		switch field {
		case "age":
			return c.Now.Sub(v.Time), true
		case "path":
			return c.Paths, true
		case "kind":
			return c.Kinds, true
		case "expired":
			return c.Expired, true
		}
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
