package policy

import "github.com/mstore/mstore/internal/expr"

// Fields are what an expression of keep-where can ask for: those of log --where
// except expr.ChangeFields, as a policy has no clock and judges content by content.
var Fields = expr.VersionFields

// versionEnv gives an expression the fields of a version.
func versionEnv(v *Version) *expr.Version {
	return &expr.Version{Seq: v.Seq, Time: v.Time, Author: v.Author, Message: v.Message, Branch: v.Branch, Source: v.Source,
		Tags: v.Tags, Aliases: v.Aliases, Models: v.Models, Bytes: v.Bytes, Errors: v.Errors, Warnings: v.Warnings,
		Params: v.Params, Metrics: v.Metrics, Meta: v.Meta}
}
