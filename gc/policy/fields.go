package policy

import "github.com/mstore/mstore/internal/expr"

// Fields are what an expression of keep-where can ask for: those of log --where
// except age, as a policy has no clock.
var Fields = expr.VersionFields

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
			if ok, err := e.Eval(versionEnv(v, tag, alias)); ok || err != nil {
				return ok, err
			}
		}
	}
	return false, nil
}

// versionEnv gives an expression the fields of a version.
func versionEnv(v *Version, tag, alias string) *expr.Version {
	return &expr.Version{Seq: v.Seq, Time: v.Time, Author: v.Author, Message: v.Message, Branch: v.Branch, Source: v.Source,
		Tag: tag, Alias: alias, Models: v.Models, Bytes: v.Bytes, Errors: v.Errors, Warnings: v.Warnings,
		Params: v.Params, Metrics: v.Metrics, Meta: v.Meta}
}
