package wrapper

import (
	"bytes"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxMetadata is how many bytes the metadata of a wrapper may have.
const MaxMetadata = 16 << 20

const (
	nameMetadata = "metadata"
	nameData     = "data"
	nameSize     = "data_size"
	// maxName is the length of the longer of the two names when each of its
	// characters is escaped.
	maxName = len(`"`+`"`) + len(`\u0000`)*len(nameMetadata)
)

// lax are the options by which jsontext accepts what this package accepts.
var lax = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// Info tells whether a document is a wrapper: an object that has the members
// metadata and data, each once and in either order, and no other. When
// Wrapped is false, the other fields are zero.
type Info struct {
	Wrapped bool
	// Meta is the metadata as they stand in the document, an object of at most
	// MaxMetadata bytes.
	Meta jsontext.Value
	// DataOff and DataLen are the range of the data in the document, in bytes.
	// The white space around the value belongs to it when the metadata have a
	// member data_size that counts it, as Wrap writes it.
	DataOff, DataLen int64
}

// Inspect reads a document to its end. Its errors are r's own; a *SyntaxError
// when the document is not JSON or nested more than 10,000 deep; and a
// *MetadataError when the metadata of a wrapper are not an object or too
// large. Info is zero beside an error.
func Inspect(r io.Reader) (Info, error) {
	s := newScanner(r)
	c, err := s.begin()
	if err != nil {
		return Info{}, err
	}
	if c != '{' {
		if err := s.value(); err != nil {
			return Info{}, err
		}
		return Info{}, s.finish()
	}
	d := document{scanner: s}
	if err := d.read(); err != nil {
		return Info{}, err
	}
	return d.info()
}

// document is an object at the top of a file, and what was seen of it.
type document struct {
	*scanner
	metadata, data, other int // members of that name

	meta    []byte
	metaOff int64
	metaOK  bool
	tight   span // the value of data
	loose   span // from its colon to the comma or brace
}

type span struct{ from, to int64 }

func (d *document) read() error {
	if err := d.open('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		name, again, err := d.member(first)
		if err != nil {
			return err
		}
		if !again {
			return d.finish()
		}
		loose := span{from: d.off()}
		if _, err := d.next(); err != nil {
			return err
		}
		tight := span{from: d.off()}
		keep := name == nameMetadata && d.metadata == 0 && d.other == 0
		if keep {
			d.keep(MaxMetadata)
		}
		if err := d.value(); err != nil {
			return err
		}
		if keep {
			d.metaOff = tight.from
			d.meta, d.metaOK = d.taken()
		}
		tight.to = d.off()
		if _, err := d.next(); err != nil {
			return err
		}
		loose.to = d.off()
		switch name {
		case nameMetadata:
			d.metadata++
		case nameData:
			d.data++
			d.tight, d.loose = tight, loose
		default:
			d.other++
		}
	}
}

// member is step that returns the name too, or "" in place of a long one.
func (d *document) member(first bool) (name string, again bool, err error) {
	again, err = d.comma(first)
	if !again || err != nil {
		return "", false, err
	}
	if _, err := d.next(); err != nil {
		return "", false, err
	}
	d.keep(maxName)
	err = d.name()
	quoted, ok := d.taken()
	if err == nil {
		err = d.colon()
	}
	if err != nil {
		return "", false, err
	}
	if ok {
		// Bytes that are not UTF-8 become U+FFFD, which neither name has.
		unquoted, _ := jsontext.AppendUnquote(nil, quoted)
		name = string(unquoted)
	}
	return name, true, nil
}

func (d *document) info() (Info, error) {
	if d.metadata != 1 || d.data != 1 || d.other > 0 {
		return Info{}, nil
	}
	if kind := jsontext.Kind(d.meta[0]); kind != '{' {
		return Info{}, &MetadataError{Off: d.metaOff, Found: kindName(kind)}
	}
	if !d.metaOK {
		return Info{}, &MetadataError{Off: d.metaOff, Found: tooLarge}
	}
	data := d.tight
	// Only when they differ does it matter what the metadata say.
	if d.loose != d.tight {
		size, ok, err := dataSize(d.meta)
		if err != nil {
			return Info{}, fmt.Errorf("reading the metadata of the wrapper: %w", err)
		}
		if ok && size == d.loose.to-d.loose.from {
			data = d.loose
		}
	}
	return Info{Wrapped: true, Meta: d.meta, DataOff: data.from, DataLen: data.to - data.from}, nil
}

var tooLarge = fmt.Sprintf("more than %d MB", MaxMetadata>>20)

func kindName(k jsontext.Kind) string {
	switch k {
	case '"':
		return "a string"
	case '[':
		return "an array"
	case 'n':
		return "null"
	case 't', 'f':
		return "true or false"
	}
	return "a number"
}

// dataSize finds the member data_size of the metadata; ok is false when there
// is none that is a whole number.
func dataSize(meta []byte) (size int64, ok bool, err error) {
	d := jsontext.NewDecoder(bytes.NewReader(meta), lax...)
	if _, err = d.ReadToken(); err != nil {
		return 0, false, err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return 0, false, err
		}
		if name.String() == nameSize && d.PeekKind() == '0' {
			number, err := d.ReadToken()
			if err != nil {
				return 0, false, err
			}
			size, err = number.Int()
			ok = err == nil
		} else if err := d.SkipValue(); err != nil {
			return 0, false, err
		}
	}
	return size, ok, nil
}
