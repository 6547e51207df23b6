package policy

import (
	"strings"

	"github.com/mstore/mstore/internal/expr"
)

// Fields are what an expression of keep-where can ask for: those of log --where
// except age, as a policy has no clock.
var Fields = []expr.Field{
	{Name: "version", Type: expr.Number}, {Name: "time", Type: expr.Time},
	{Name: "author", Type: expr.String}, {Name: "message", Type: expr.String}, {Name: "branch", Type: expr.String},
	{Name: "source", Type: expr.String}, {Name: "tag", Type: expr.String}, {Name: "alias", Type: expr.String},
	{Name: "models", Type: expr.Number}, {Name: "size", Type: expr.Number},
	{Name: "params."}, {Name: "metrics."}, {Name: "git."}, {Name: "env."}, {Name: "meta."},
	{Name: "quality.errors", Type: expr.Number}, {Name: "quality.warnings", Type: expr.Number},
}

// holds tells whether the expression holds for the version with any of its tags
// and any of its aliases: an expression sees one of each at a time.
func holds(e *expr.Expr, v *Version) (bool, error) {
	tags, aliases := v.Tags, v.Aliases
	if len(tags) == 0 {
		tags = []string{""}
	}
	if len(aliases) == 0 {
		aliases = []string{""}
	}
	for _, tag := range tags {
		for _, alias := range aliases {
			if ok, err := e.Eval(versionEnv{v, tag, alias}); ok || err != nil {
				return ok, err
			}
		}
	}
	return false, nil
}

// versionEnv gives an expression the fields of a version.
type versionEnv struct {
	v          *Version
	tag, alias string
}

func (e versionEnv) Lookup(field string) (value any, known bool) {
	text := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	switch field {
	case "version":
		return int64(e.v.Seq), true
	case "time":
		return e.v.Time, true
	case "author":
		return e.v.Author, true
	case "message":
		return e.v.Message, true
	case "branch":
		return e.v.Branch, true
	case "source":
		return text(e.v.Source), true
	case "tag":
		return text(e.tag), true
	case "alias":
		return text(e.alias), true
	case "models":
		return int64(e.v.Models), true
	case "size":
		return e.v.Bytes, true
	case "quality.errors":
		return int64(e.v.Errors), true
	case "quality.warnings":
		return int64(e.v.Warnings), true
	}
	if strings.HasPrefix(field, "git.") || strings.HasPrefix(field, "env.") {
		return e.v.Meta[field], true
	}
	if k, ok := strings.CutPrefix(field, "meta."); ok {
		return e.v.Meta[k], true
	}
	if k, ok := strings.CutPrefix(field, "params."); ok {
		return e.v.Params[k], true
	}
	if k, ok := strings.CutPrefix(field, "metrics."); ok {
		return e.v.Metrics[k], true
	}
	return nil, false
}
