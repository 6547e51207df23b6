package main

import (
	"context"
	"time"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

// versionDoc is a version in JSON: what commit prints, and with tags, aliases
// and branches what log and show print. Params and metrics are always objects,
// models and parents always arrays.
type versionDoc struct {
	Version string         `json:"version"` // "v13"; empty when there is no version yet
	ID      string         `json:"id"`      // empty before it is made
	Branch  string         `json:"branch"`
	Parents []string       `json:"parents"`
	Time    string         `json:"time"` // RFC 3339, UTC, whole seconds
	Author  string         `json:"author"`
	Message string         `json:"message"`
	Source  string         `json:"source"`
	Params  map[string]any `json:"params"`
	Metrics map[string]any `json:"metrics"`
	Meta    map[string]any `json:"meta"`
	Quality qualityDoc     `json:"quality"`
	Models  []modelDoc     `json:"models"`

	Created *bool `json:"created,omitempty"` // commit only

	// Names that point at the version; log and show only.
	Tags     []string `json:"tags,omitzero"`
	Aliases  []string `json:"aliases,omitzero"`
	Branches []string `json:"branches,omitzero"`
}

// modelDoc is one model in JSON. Status is added, changed, removed or
// unchanged; of a removed model ID and size are what was removed.
type modelDoc struct {
	Path   string `json:"path"`
	ID     string `json:"id"`
	Size   int64  `json:"size"`
	Kind   string `json:"kind,omitempty"` // of models that the version added or changed
	Status string `json:"status,omitempty"`
	// Expired says when and by which policy the content was let go; log and show only.
	Expired *expiredDoc `json:"expired,omitempty"`
	// Promised is the remote that has the content, which is not here.
	Promised string `json:"promised,omitempty"`
}

func newModelDoc(c objects.Change) modelDoc {
	return modelDoc{Path: c.Path, ID: c.Blob.String(), Size: c.Size, Kind: c.Kind, Status: c.Status.String()}
}

type expiredDoc struct {
	Time   string `json:"time"`
	Policy string `json:"policy"`
	Until  string `json:"recoverable_until,omitempty"`
}

func newExpiredDoc(x *store.Expiry) *expiredDoc {
	d := &expiredDoc{Time: x.Time.UTC().Format(time.RFC3339), Policy: x.Policy}
	if !x.Until.IsZero() {
		d.Until = x.Until.UTC().Format(time.RFC3339)
	}
	return d
}

// withExpired marks the models whose content was let go.
func (d *versionDoc) withExpired(ctx context.Context, all *store.Expired, changes []objects.Change) (*versionDoc, error) {
	for i, c := range changes {
		x, err := all.Of(ctx, c.Blob)
		if err != nil {
			return nil, err
		}
		if x != nil {
			d.Models[i].Expired = newExpiredDoc(x)
		}
		if c.Status == objects.Removed {
			continue
		}
		if p, err := all.Promise(ctx, c.Blob); err != nil {
			return nil, err
		} else if p != nil {
			d.Models[i].Promised = p.Remote
		}
	}
	return d, nil
}

func newVersionDoc(v *store.Version, changes []objects.Change) *versionDoc {
	d := &versionDoc{
		Parents: []string{}, Params: map[string]any{}, Metrics: map[string]any{}, Meta: map[string]any{}, Quality: newQualityDoc(v),
		Models: make([]modelDoc, len(changes)),
	}
	for i, c := range changes {
		d.Models[i] = newModelDoc(c)
	}
	if v == nil {
		return d
	}
	d.Version, d.Branch = v.Name, v.Branch
	if v.ID != (objects.VersionID{}) { // pre-commit hooks see what has none yet
		d.ID = v.ID.String()
	}
	for _, p := range v.Parents {
		d.Parents = append(d.Parents, p.String())
	}
	d.Time = v.Time.UTC().Format(time.RFC3339)
	d.Author, d.Message, d.Source = v.Author, v.Message, v.Source
	if v.Params != nil {
		d.Params = v.Params
	}
	if v.Metrics != nil {
		d.Metrics = v.Metrics
	}
	if v.Meta != nil {
		d.Meta = v.Meta
	}
	return d
}

// qualityDoc is what validation said of the models that a version added or changed.
type qualityDoc struct {
	Errors   int       `json:"errors"`
	Warnings int       `json:"warnings"`
	Notes    []noteDoc `json:"notes"` // at most 50
}

type noteDoc struct {
	Path     string `json:"path"`
	Severity string `json:"severity"` // error or warning
	Rule     string `json:"rule"`
	Place    string `json:"place"` // in the model
	Text     string `json:"text"`
}

func newQualityDoc(v *store.Version) qualityDoc {
	d := qualityDoc{Notes: []noteDoc{}}
	if v == nil || v.Version == nil {
		return d
	}
	d.Errors, d.Warnings = v.Quality.Errors, v.Quality.Warnings
	for _, n := range v.Quality.Notes {
		d.Notes = append(d.Notes, noteDoc{n.Path, severityOf(n), n.Rule, n.Place, n.Text})
	}
	return d
}

func severityOf(n objects.Note) string {
	if n.Error {
		return "error"
	}
	return "warning"
}

// withNames fills in the names that point at v.
func (d *versionDoc) withNames(v *store.Version) *versionDoc {
	d.Tags, d.Aliases, d.Branches = list(v.Tags), list(v.Aliases), list(v.Heads)
	return d
}

// list is s, or an empty list, never nil.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
