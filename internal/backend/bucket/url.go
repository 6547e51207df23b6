package bucket

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// place is what a URL says about where a bucket is.
type place struct {
	scheme, bucket string
	prefix         string // of all keys: "" or with a slash at its end
	endpoints      []string
	query          url.Values // the other parameters
}

// String has no parameters: they are long, and people put into them what is nobody's
// business.
func (p place) String() string {
	return p.scheme + "://" + p.bucket + strings.TrimSuffix("/"+p.prefix, "/")
}

const maxPrefix = 512 // bytes; S3 takes keys of up to 1,024

// parseURL never repeats the URL in an error: it may hold what its author should have
// kept out of it.
func parseURL(raw string) (place, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" {
		return place{}, fmt.Errorf("%w: not of the form s3://BUCKET/PREFIX?endpoint=URL", ErrURL)
	}
	p := place{scheme: u.Scheme, bucket: u.Host}
	if u.User != nil {
		return place{}, fmt.Errorf("%w: no name or password in it: credentials come from the environment or a profile", ErrURL)
	}
	if u.Opaque != "" || u.Fragment != "" {
		return place{}, fmt.Errorf("%w: not of the form %s://BUCKET/PREFIX?endpoint=URL", ErrURL, u.Scheme)
	}
	if p.bucket == "" && p.scheme != "mem" {
		return place{}, fmt.Errorf("%w: it names no bucket: %s://BUCKET/PREFIX", ErrURL, p.scheme)
	}
	if p.query, err = url.ParseQuery(u.RawQuery); err != nil {
		return place{}, fmt.Errorf("%w: its parameters cannot be read", ErrURL)
	}
	if p.prefix, err = cleanPrefix(u.Path); err != nil {
		return place{}, err
	}
	for _, list := range p.query["endpoint"] {
		for e := range strings.SplitSeq(list, ",") {
			e, err := cleanEndpoint(e)
			if err != nil {
				return place{}, err
			}
			p.endpoints = append(p.endpoints, e)
		}
	}
	p.query.Del("endpoint")
	return p, nil
}

func cleanPrefix(path string) (string, error) {
	path = strings.Trim(path, "/")
	if path == "" {
		return "", nil
	}
	if len(path) > maxPrefix {
		return "", fmt.Errorf("%w: the prefix is longer than %d bytes", ErrURL, maxPrefix)
	}
	for elem := range strings.SplitSeq(path, "/") {
		if elem == "" || elem == "." || elem == ".." {
			return "", fmt.Errorf("%w: %q in the prefix", ErrURL, elem+"/")
		}
	}
	for _, c := range path {
		if c < 0x20 || c == 0x7f || c == 0xfffd || c == '\\' {
			return "", fmt.Errorf("%w: character %q in the prefix", ErrURL, c)
		}
	}
	return path + "/", nil
}

func cleanEndpoint(e string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(e))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("%w: an endpoint is of the form http://HOST:PORT or https://HOST", ErrURL)
	case u.User != nil:
		return "", fmt.Errorf("%w: no name or password in an endpoint", ErrURL)
	case u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%w: an endpoint has no parameters (write & between those of the URL)", ErrURL)
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

// take removes a parameter and returns its value.
func take(q url.Values, name string) string {
	v := q.Get(name)
	q.Del(name)
	return v
}

// takeBool is take for true and false; absent says whether there was none.
func takeBool(q url.Values, name string) (v, absent bool, err error) {
	text := take(q, name)
	if text == "" {
		return false, true, nil
	}
	if v, err = strconv.ParseBool(text); err != nil {
		err = fmt.Errorf("%w: %s is true or false", ErrURL, name)
	}
	return v, false, err
}
