package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
)

// storage is where a store lies, opened.
type storage struct {
	backend.Backend
	location string // as it was given, absolute
	dir      string // of a directory; else ""
	closers  []io.Closer
	bundle   *bundleNote // of a bundle; else nil
	zip      *backend.Zip
}

func (x *storage) Close() error {
	var errs []error
	for _, c := range x.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// storageOptions say how a store that does not lie in a directory is reached. The zero
// value keeps no copies.
type storageOptions struct {
	cacheDir string // copies of what was read are kept below it; "": none
	cacheMax int64  // bytes
	spool    string // directory for what is being uploaded; "": the system's
	warn     func(string)
}

// openStorage opens where a store lies: a directory that is a store, or holds one as
// .mstore, a bundle, or the URL of a bucket. What is there is not looked at yet. Errors
// wrap ErrNoStore where there is nothing, and ErrUsage for a location that says nothing.
func openStorage(ctx context.Context, location string) (*storage, error) {
	return openStorageWith(ctx, location, storageOptions{})
}

func openStorageWith(ctx context.Context, location string, o storageOptions) (*storage, error) {
	if isURL(location) {
		return openBucket(ctx, location, o)
	}
	dir, err := filepath.Abs(location)
	if err != nil {
		return nil, err
	}
	if isStore(filepath.Join(dir, DirName)) {
		dir = filepath.Join(dir, DirName)
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, as(ErrNoStore, fmt.Errorf("%q: %w", location, err))
	}
	if x, err := openBundle(ctx, dir); x != nil || err != nil {
		return x, err
	}
	root, err := vfs.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	b := backend.NewDir(root)
	return &storage{Backend: b, location: dir, dir: dir, closers: []io.Closer{b, root}}, nil
}

// isURL tells a URL from a directory.
func isURL(location string) bool { return strings.Contains(location, "://") }

// LocationName is a location as people are shown it: of a URL what stands before its
// parameters.
func LocationName(location string) string {
	if isURL(location) {
		location, _, _ = strings.Cut(location, "?")
	}
	return location
}

// secretParameters are parameters of a URL that would be written to disk, and to logs,
// with it.
var secretParameters = []string{"accesskey", "access_key", "access_key_id", "accesskeyid", "awsaccesskeyid", "aws_access_key_id", "secret", "secretkey", "secret_key",
	"secret_access_key", "secretaccesskey", "aws_secret_access_key", "token", "session_token", "sessiontoken", "aws_session_token", "password", "passwd", "credentials", "key", "sas", "sig"}

// checkURL refuses URLs that cannot be opened whatever lies there. What it returns is
// the URL in the one way of writing it that is kept.
func checkURL(location string) (string, error) {
	usage := func(format string, args ...any) (string, error) {
		return "", as(ErrUsage, fmt.Errorf(format, args...))
	}
	u, err := url.Parse(location)
	if err != nil { // its text may hold a secret
		return usage("the location of the store is not a URL: want s3://BUCKET/PREFIX?region=REGION, in quotes")
	}
	if u.User != nil {
		return usage("the URL of a store must not hold a user or password, since it is written to disk: give credentials by the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or a profile (AWS_PROFILE)")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return usage("the parameters of %q cannot be read: %w", LocationName(location), err)
	}
	for name, values := range q {
		if slices.Contains(secretParameters, strings.ToLower(name)) {
			return usage("the URL of a store must not hold credentials (%s), since it is written to disk: give them by the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or a profile (AWS_PROFILE)", name)
		}
		for _, v := range values {
			if e, err := url.Parse(v); err == nil && e.User != nil {
				return usage("the parameter %s must not hold a user or password, since it is written to disk", name)
			}
		}
	}
	if !slices.Contains(bucketSchemes(), u.Scheme) && u.Scheme != "mem" { // which is for tests
		return usage("%q: stores do not lie in %s:// here; this program knows %s", LocationName(location), u.Scheme, strings.Join(bucketSchemes(), ", "))
	}
	if u.Fragment != "" {
		return usage("%q has a # in it: put the whole URL in quotes, and write %%23 for it", LocationName(location))
	}
	u.Path = strings.TrimSuffix(path.Clean("/"+u.Path), "/")
	u.RawPath = ""
	u.RawQuery = readable.Replace(q.Encode())
	return u.String(), nil
}

// readable writes the characters of an endpoint's URL as they are, which a query allows.
var readable = strings.NewReplacer("%3A", ":", "%2F", "/", "%2C", ",")
