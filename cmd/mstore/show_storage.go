package main

import (
	"context"
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/mstore/mstore/store"
)

// Of more than mostPieces a terminal gets the first and the last.
const (
	mostPieces  = 40
	firstPieces = 20
	lastPieces  = 5
)

// storageDoc is in JSON how one model is stored.
type storageDoc struct {
	oneModelDoc
	Format      string     `json:"format"`
	RawBytes    int64      `json:"raw_bytes"`
	StoredBytes int64      `json:"stored_bytes"`
	Ratio       float64    `json:"ratio"`
	Pieces      []pieceDoc `json:"pieces"`
}

type pieceDoc struct {
	Offset      int64  `json:"offset"`
	ID          string `json:"id"`
	RawBytes    int64  `json:"raw_bytes"`
	Codec       string `json:"codec"`
	StoredBytes int64  `json:"stored_bytes"`
	Bases       int    `json:"bases"`
	Depth       int    `json:"depth"`
	Pack        string `json:"pack"`
}

// showStorage shows how one model of a version is stored.
func (a *app) showStorage(ctx context.Context, s *store.Store, rev, path string) error {
	m, err := s.Storage(ctx, rev, path)
	if err != nil {
		return err
	}
	c, err := changeAt(ctx, s, m.Version, path)
	if err != nil {
		return err
	}
	if a.json {
		return writeJSON(a.out, newStorageDoc(m, newOneModelDoc(m.Version, c)))
	}
	facts := a.modelFacts(m.Version, c)
	fact := func(name, value string) { facts.add(cell{text: name, look: a.style.dim}, cell{text: value}) }
	fact("format", m.Format.String())
	fact("raw", humanBytes(m.Size))
	stored := humanBytes(m.Stored)
	if share := shareOf(m.Stored, m.Size, "raw"); share != "" {
		stored += ", " + share
	}
	fact("stored", stored)
	fact("pieces", humanize.Comma(int64(len(m.Pieces))))
	facts.write(a.out)
	if len(m.Pieces) == 0 {
		return a.out.failed()
	}
	a.out.WriteByte('\n')
	return a.pieceTable(m.Pieces).write(a.out)
}

func (a *app) pieceTable(pieces []store.StoredPiece) *columns {
	dim := a.style.dim
	table := &columns{}
	head := func(text string, right bool) cell { return cell{text: text, look: dim, right: right} }
	table.add(head("offset", true), head("raw", true), head("codec", false), head("stored", true), head("%", true),
		head("bases", true), head("depth", true), head("pack", false))
	count := func(n int) cell { return cell{text: humanize.Comma(int64(n)), right: true} }
	for i, p := range pieces {
		if left := len(pieces) - firstPieces - lastPieces; len(pieces) > mostPieces && i >= firstPieces && i < firstPieces+left {
			if i == firstPieces {
				table.add(cell{text: fmt.Sprintf("… %s left out; --json has all", plural(left, "piece")), look: dim, wide: true})
			}
			continue
		}
		table.add(cell{text: humanize.Comma(p.Offset), right: true}, cell{text: humanBytes(p.Raw), right: true},
			cell{text: p.Codec.String()}, cell{text: humanBytes(p.Stored), right: true},
			cell{text: percent(p.Stored, p.Raw), right: true}, count(len(p.Bases)), count(p.Depth),
			cell{text: p.Pack.String()[:10], look: dim})
	}
	return table
}

func newStorageDoc(m *store.ModelStorage, one oneModelDoc) *storageDoc {
	d := &storageDoc{oneModelDoc: one, Format: m.Format.String(), RawBytes: m.Size, StoredBytes: m.Stored,
		Ratio: round3(m.Ratio()), Pieces: make([]pieceDoc, len(m.Pieces))}
	for i, p := range m.Pieces {
		d.Pieces[i] = pieceDoc{Offset: p.Offset, ID: p.Piece.String(), RawBytes: p.Raw, Codec: p.Codec.String(),
			StoredBytes: p.Stored, Bases: len(p.Bases), Depth: p.Depth, Pack: p.Pack.String()}
	}
	return d
}
