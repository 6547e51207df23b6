package buckettest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// upload is an unfinished upload in parts.
type upload struct {
	name  string
	time  time.Time
	parts map[int]object
}

// AgeUploads makes all unfinished uploads look as if they had been begun earlier.
func (s *Server) AgeUploads(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.uploads {
		u.time = u.time.Add(-by)
	}
}

// DropUploads forgets all unfinished uploads.
func (s *Server) DropUploads() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.uploads)
}

func (s *Server) multipart(w http.ResponseWriter, r *http.Request, name string, q url.Values, body []byte) {
	if q.Has("uploads") {
		if r.Method == http.MethodGet {
			s.listUploads(w, q)
			return
		}
		s.serial++
		id := fmt.Sprintf("upload-%d", s.serial)
		s.uploads[id] = &upload{name: name, time: s.now(), parts: map[int]object{}}
		send(w, struct {
			XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
			Bucket, Key, UploadId string
		}{Bucket: s.o.Bucket, Key: name, UploadId: id})
		return
	}
	id := q.Get("uploadId")
	u := s.uploads[id]
	if u == nil || u.name != name {
		fail(w, r, http.StatusNotFound, "NoSuchUpload")
		return
	}
	switch r.Method {
	case http.MethodPut:
		n, _ := strconv.Atoi(q.Get("partNumber"))
		o := s.newObject(body)
		u.parts[n] = o
		w.Header().Set("ETag", quote(o.etag))
	case http.MethodGet:
		s.listParts(w, u, id, q)
	case http.MethodDelete:
		delete(s.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPost:
		s.complete(w, r, u, id, body)
	}
}

func (s *Server) listUploads(w http.ResponseWriter, q url.Values) {
	type line struct {
		Key, UploadId, Initiated string
	}
	out := struct {
		XMLName     xml.Name `xml:"ListMultipartUploadsResult"`
		Bucket      string
		IsTruncated bool
		Upload      []line
	}{Bucket: s.o.Bucket}
	for id, u := range s.uploads {
		if strings.HasPrefix(u.name, q.Get("prefix")) {
			out.Upload = append(out.Upload, line{u.name, id, u.time.Format(time.RFC3339)})
		}
	}
	slices.SortFunc(out.Upload, func(a, b line) int { return strings.Compare(a.Key+"\x00"+a.UploadId, b.Key+"\x00"+b.UploadId) })
	send(w, out)
}

const partsOfPage = 2 // so that few parts make several pages

func (s *Server) listParts(w http.ResponseWriter, u *upload, id string, q url.Values) {
	type line struct {
		PartNumber int
		ETag       string
		Size       int
	}
	out := struct {
		XMLName               xml.Name `xml:"ListPartsResult"`
		Bucket, Key, UploadId string
		IsTruncated           bool
		NextPartNumberMarker  int `xml:",omitempty"`
		Part                  []line
	}{Bucket: s.o.Bucket, Key: u.name, UploadId: id}
	after, _ := strconv.Atoi(q.Get("part-number-marker"))
	var numbers []int
	for n := range u.parts {
		if n > after {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	if out.IsTruncated = len(numbers) > partsOfPage; out.IsTruncated {
		numbers = numbers[:partsOfPage]
		out.NextPartNumberMarker = numbers[partsOfPage-1]
	}
	for _, n := range numbers {
		out.Part = append(out.Part, line{n, quote(u.parts[n].etag), len(u.parts[n].data)})
	}
	send(w, out)
}

func (s *Server) complete(w http.ResponseWriter, r *http.Request, u *upload, id string, body []byte) {
	var in struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.Unmarshal(body, &in); err != nil || len(in.Part) == 0 {
		fail(w, r, http.StatusBadRequest, "MalformedXML")
		return
	}
	if _, ok := s.objects[u.name]; ok && r.Header.Get("If-None-Match") == "*" && !s.o.UnconditionalComplete {
		fail(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	var data []byte
	h := md5.New()
	for i, p := range in.Part {
		part, ok := u.parts[p.PartNumber]
		if !ok || quote(part.etag) != p.ETag || i > 0 && p.PartNumber <= in.Part[i-1].PartNumber {
			fail(w, r, http.StatusBadRequest, "InvalidPart")
			return
		}
		sum, _ := hex.DecodeString(part.etag)
		h.Write(sum)
		data = append(data, part.data...)
	}
	o := s.newObject(data)
	o.etag = fmt.Sprintf("%x-%d", h.Sum(nil), len(in.Part))
	s.objects[u.name] = o
	delete(s.uploads, id)
	send(w, struct {
		XMLName           xml.Name `xml:"CompleteMultipartUploadResult"`
		Bucket, Key, ETag string
	}{Bucket: s.o.Bucket, Key: u.name, ETag: quote(o.etag)})
}
