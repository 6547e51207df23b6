package faultproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// service keeps what was put, and says under which host it was asked.
type service struct {
	got  []string // bodies that arrived whole
	torn int
	host string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.host = r.Host
	b, err := io.ReadAll(r.Body)
	if err != nil {
		s.torn++
		return
	}
	s.got = append(s.got, string(b))
	w.Header().Set("X-Service", "yes")
	w.Header().Set("Content-Length", "6000")
	_, _ = io.WriteString(w, strings.Repeat("answer", 1000))
}

// ask sends a body through a proxy that does one thing to it.
func ask(t *testing.T, f Fault, body string) (s *service, p *Proxy, resp *http.Response, answer []byte, err error) {
	t.Helper()
	s = &service{}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	p, err = New(srv.URL, func(int, *http.Request) Fault { return f })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if f.Stall {
		ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, p.URL()+"/key?x=%2F", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err = (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return s, p, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return s, p, resp, answer, err
}

func TestPassesAndCounts(t *testing.T) {
	s, p, resp, answer, err := ask(t, Fault{}, "0123456789")
	if err != nil || resp.StatusCode != 200 || len(answer) != 6000 || resp.Header.Get("X-Service") != "yes" {
		t.Fatalf("%v, %d bytes, %v", resp, len(answer), err)
	}
	if len(s.got) != 1 || s.got[0] != "0123456789" || "http://"+s.host != p.URL() {
		t.Errorf("arrived: %q for host %s", s.got, s.host)
	}
	if c := p.Counts(); c.Requests["PUT"] != 1 || c.Total() != 1 || c.Sent != 10 || c.Received != 6000 {
		t.Errorf("%+v", c)
	}
	p.Reset()
	if c := p.Counts(); c.Total() != 0 || c.Sent != 0 {
		t.Errorf("after a reset: %+v", c)
	}
}

func TestFaults(t *testing.T) {
	body := strings.Repeat("x", 10000)
	whole := bytes.Repeat([]byte("answer"), 1000)
	for name, c := range map[string]struct {
		f       Fault
		arrives bool // the whole request
		check   func(resp *http.Response, answer []byte, err error) bool
	}{
		"refused": {Fault{Status: 503, Body: "slow down"}, false, func(resp *http.Response, answer []byte, err error) bool {
			return err == nil && resp.StatusCode == 503 && string(answer) == "slow down"
		}},
		"refused after the effect": {Fault{Status: 500, After: true}, true, func(resp *http.Response, _ []byte, err error) bool {
			return err == nil && resp.StatusCode == 500
		}},
		"dropped":                  {Fault{Drop: true}, false, func(_ *http.Response, _ []byte, err error) bool { return err != nil }},
		"dropped after the effect": {Fault{Drop: true, After: true}, true, func(_ *http.Response, _ []byte, err error) bool { return err != nil }},
		"stalled":                  {Fault{Stall: true}, false, func(_ *http.Response, _ []byte, err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		"torn request":             {Fault{TearRequest: true}, false, func(_ *http.Response, _ []byte, err error) bool { return err != nil }},
		"torn answer": {Fault{TearAnswer: true}, true, func(_ *http.Response, answer []byte, err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && len(answer) == 3000
		}},
		"flipped": {Fault{Flip: true}, true, func(_ *http.Response, answer []byte, err error) bool {
			return err == nil && len(answer) == len(whole) && !bytes.Equal(answer, whole)
		}},
		"slow": {Fault{Delay: time.Millisecond, Rate: 1 << 20}, true, func(_ *http.Response, answer []byte, err error) bool {
			return err == nil && bytes.Equal(answer, whole)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, resp, answer, err := ask(t, c.f, body)
			if !c.check(resp, answer, err) {
				t.Errorf("%v, %d bytes, %v", resp, len(answer), err)
			}
			if arrived := len(s.got) == 1 && s.got[0] == body; arrived != c.arrives {
				t.Errorf("the request arrived: %v", arrived)
			}
		})
	}
}
