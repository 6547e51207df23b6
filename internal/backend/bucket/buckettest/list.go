package buckettest

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ListPage is one page of a listing.
type ListPage struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name, Prefix          string
	KeyCount, MaxKeys     int
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []ListObject
}

// ListObject is one line of a listing.
type ListObject struct {
	Key          string
	LastModified string
	ETag         string
	Size         int64
}

func (s *Server) names() []string {
	var names []string
	for name := range s.objects {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *Server) list(w http.ResponseWriter, q url.Values) {
	p := ListPage{Name: s.o.Bucket, Prefix: q.Get("prefix"), MaxKeys: s.o.PageSize}
	if n, err := strconv.Atoi(q.Get("max-keys")); err == nil {
		p.MaxKeys = min(p.MaxKeys, n)
	}
	after := q.Get("start-after")
	if token := q.Get("continuation-token"); token != "" {
		after = strings.TrimPrefix(token, "after:")
	}
	for _, name := range s.names() {
		o := s.objects[name]
		if !strings.HasPrefix(name, p.Prefix) || name <= after || s.o.StaleList && time.Since(o.time) < time.Minute {
			continue
		}
		if len(p.Contents) == p.MaxKeys {
			p.IsTruncated = true
			p.NextContinuationToken = "after:" + p.Contents[len(p.Contents)-1].Key
			break
		}
		p.Contents = append(p.Contents, ListObject{name, o.time.Format(time.RFC3339), quote(o.etag), int64(len(o.data))})
	}
	if s.o.List != nil {
		s.o.List(&p)
	}
	p.KeyCount = len(p.Contents)
	w.Header().Set("Content-Type", "application/xml")
	send(w, p)
}
