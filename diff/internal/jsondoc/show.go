package jsondoc

// Preview is the text of a value without the white space between its tokens, cut to at
// most limit bytes; whole tells whether that is all of it.
func (d *Doc) Preview(v Value, limit int) (text string, whole bool, err error) {
	end := min(v.End, v.Start+int64(4*limit)+64)
	b, err := d.w.bytes(v.Start, end)
	if err != nil {
		return "", false, err
	}
	out, _ := Compact(nil, b, false)
	whole = end == v.End && len(out) <= limit
	if len(out) > limit {
		out = out[:limit]
	}
	return string(out[:wholeRunes(out)]), whole, nil
}

// Shown is a value as far as a report shows it.
type Shown struct {
	Type string `json:"type"` // object, array, string, number, bool, null
	Text string `json:"text"` // its JSON without white space between tokens, cut to a bound
	Cut  bool   `json:"cut"`  // there is more
	Size int64  `json:"size"` // bytes in the document
	Len  int64  `json:"len"`  // members, or elements; 0 for others
}

// Show returns a value as it is shown, with at most limit bytes of text; nil for none.
func (d *Doc) Show(v Value, limit int) (*Shown, error) {
	if v.Kind == 0 {
		return nil, nil
	}
	text, whole, err := d.Preview(v, limit)
	if err != nil {
		return nil, err
	}
	return &Shown{Type: v.Kind.String(), Text: text, Cut: !whole, Size: v.Size(), Len: v.Count}, nil
}
