package main

import "github.com/mstore/mstore/store"

// statsDoc is in JSON what a store holds and takes.
type statsDoc struct {
	Store        string      `json:"store"`
	Requests     int64       `json:"requests"`
	Versions     int         `json:"versions"`
	Models       int         `json:"models"`
	RawBytes     int64       `json:"raw_bytes"`
	StoredBytes  int64       `json:"stored_bytes"`
	Packs        int         `json:"packs"`
	Ratio        float64     `json:"ratio"`
	Pieces       int64       `json:"pieces"`
	Distinct     int64       `json:"distinct_bytes"`
	Codecs       []codecDoc  `json:"codecs"`
	Formats      []formatDoc `json:"formats"`
	Deduplicated int64       `json:"deduplicated_bytes"`
	DeltaSaved   int64       `json:"delta_bytes_saved"`
	Metadata     int64       `json:"metadata_bytes"`
	Unused       int64       `json:"unused_bytes"`
	Promised     int         `json:"promised"`
}

type codecDoc struct {
	Codec string `json:"codec"`
	piecesDoc
}

type formatDoc struct {
	Format string `json:"format"`
	piecesDoc
}

type piecesDoc struct {
	Pieces      int64 `json:"pieces"`
	RawBytes    int64 `json:"raw_bytes"`
	StoredBytes int64 `json:"stored_bytes"`
}

func newStatsDoc(st *store.Stats) *statsDoc {
	d := &statsDoc{
		Store: st.Location, Requests: st.Requests,
		Versions: st.Versions, Models: st.Models, RawBytes: st.RawBytes, StoredBytes: st.StoredBytes, Packs: st.Packs,
		Ratio: round3(st.Ratio()), Pieces: st.Pieces, Distinct: st.DistinctBytes, Codecs: []codecDoc{}, Formats: []formatDoc{},
		Deduplicated: st.DeduplicatedBytes, DeltaSaved: st.DeltaBytesSaved, Metadata: st.MetadataBytes, Unused: st.UnusedBytes, Promised: st.Promised,
	}
	for _, c := range st.Codecs {
		d.Codecs = append(d.Codecs, codecDoc{c.Codec.String(), piecesDoc(c.PieceStats)})
	}
	for _, f := range st.Formats {
		d.Formats = append(d.Formats, formatDoc{f.Format.String(), piecesDoc(f.PieceStats)})
	}
	return d
}
