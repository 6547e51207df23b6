package main

import (
	"context"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

// modelStatsDoc is in JSON what the versions of one model take.
type modelStatsDoc struct {
	Path     string            `json:"path"`
	Versions []modelVersionDoc `json:"versions"`
}

type modelVersionDoc struct {
	Version    string      `json:"version"`
	ID         string      `json:"id"` // of the version
	Status     string      `json:"status"`
	RawBytes   int64       `json:"raw_bytes"`
	AddedBytes int64       `json:"added_bytes"`
	Pieces     int         `json:"pieces"`
	Codecs     []string    `json:"codecs"`
	Depth      int         `json:"depth"`
	Expired    *expiredDoc `json:"expired,omitempty"`
	Promised   string      `json:"promised,omitempty"`
}

// statsOf shows what the versions of one model take.
func (a *app) statsOf(ctx context.Context, s *store.Store, o statsOptions) error {
	rev, path, err := a.revPath(s, o.path)
	if err != nil {
		return err
	}
	versions, err := s.ModelStats(ctx, rev, path, o.limit)
	if err != nil {
		return err
	}
	if a.json {
		return writeJSON(a.out, newModelStatsDoc(path, versions))
	}
	a.progress.close()
	dim := a.style.dim
	table := columns{}
	head := func(text string, right bool) cell { return cell{text: text, look: dim, right: right} }
	table.add(head("version", false), head("raw", true), head("added", true), head("pieces", true), head("depth", true), head("codecs", false))
	for _, v := range versions {
		name := cell{text: v.Version.Name, look: a.style.version}
		if v.Status == objects.Removed {
			table.add(name, cell{text: "removed", look: a.style.removed, wide: true})
			continue
		}
		if v.Expired != nil {
			table.add(name, cell{text: humanBytes(v.Size), right: true}, cell{text: "expired " + v.Expired.Time.UTC().Format("2006-01-02"), look: a.style.removed, wide: true})
			continue
		}
		if v.Promised != nil {
			table.add(name, cell{text: humanBytes(v.Size), right: true}, a.style.promised(v.Promised))
			continue
		}
		table.add(name, cell{text: humanBytes(v.Size), right: true}, cell{text: humanBytes(v.Added), right: true},
			cell{text: humanize.Comma(int64(v.Pieces)), right: true}, cell{text: humanize.Comma(int64(v.Depth)), right: true},
			cell{text: strings.Join(codecNames(v), " ")})
	}
	return table.write(a.out)
}

func newModelStatsDoc(path string, versions []store.ModelVersion) *modelStatsDoc {
	d := &modelStatsDoc{Path: path, Versions: make([]modelVersionDoc, len(versions))}
	for i, v := range versions {
		d.Versions[i] = modelVersionDoc{Version: v.Version.Name, ID: v.Version.ID.String(), Status: v.Status.String(),
			RawBytes: v.Size, AddedBytes: v.Added, Pieces: v.Pieces, Codecs: codecNames(v), Depth: v.Depth}
		if v.Promised != nil {
			d.Versions[i].Promised = v.Promised.Remote
		}
		if v.Expired != nil {
			d.Versions[i].Expired = newExpiredDoc(v.Expired)
		}
	}
	return d
}

func codecNames(v store.ModelVersion) []string {
	names := make([]string, len(v.Codecs))
	for i, c := range v.Codecs {
		names[i] = c.String()
	}
	return names
}
