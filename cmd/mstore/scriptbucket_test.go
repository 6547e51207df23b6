//go:build unix

package main

import (
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mstore/mstore/internal/backend/bucket/buckettest"
)

// services are the S3 services that scripts use: S3URL is a prefix of a good one, for
// each script its own; S3OLD overwrites what is there; S3SKEWED is an hour ahead.
type services struct{ good, old, skewed *buckettest.Server }

func newServices(t *testing.T) *services {
	return &services{buckettest.New(t, buckettest.Options{}), buckettest.New(t, buckettest.Options{Unconditional: true}), buckettest.New(t, buckettest.Options{Skew: time.Hour})}
}

func (s *services) setup(env *testscript.Env) {
	prefix := path.Base(env.WorkDir)
	for name, server := range map[string]*buckettest.Server{"S3URL": s.good, "S3OLD": s.old, "S3SKEWED": s.skewed} {
		env.Setenv(name, server.At(prefix))
	}
	env.Setenv("S3NEW", s.good.At(prefix+"/new"))
	env.Setenv("S3PREFIX", prefix)
	env.Setenv("S3ENDPOINT", s.good.Endpoint())
	env.Setenv("AWS_ACCESS_KEY_ID", buckettest.AccessKey)
	env.Setenv("AWS_SECRET_ACCESS_KEY", buckettest.SecretKey)
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		env.Setenv(name, os.DevNull)
	}
	env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// cmdBucket looks into the bucket of S3URL, below its prefix:
//
//	bucket has GLOB      some key is like that; with ! none is
//	bucket put KEY FILE  a key gets the bytes of a file
//	bucket copy FROM TO  one key gets the bytes of another
//	bucket flip GLOB N   a bit of byte N (from the end if negative) of every key like that turns over
func (s *services) cmdBucket(ts *testscript.TestScript, neg bool, args []string) {
	prefix := ts.Getenv("S3PREFIX") + "/"
	if len(args) == 0 || neg && args[0] != "has" {
		ts.Fatalf("usage: bucket has|put|copy|flip ...")
	}
	like := func(glob string) (keys []string) {
		all, _ := s.good.Keys()
		for _, key := range all {
			if ok, err := path.Match(prefix+glob, key); err != nil {
				ts.Fatalf("%v", err)
			} else if ok {
				keys = append(keys, key)
			}
		}
		return keys
	}
	switch {
	case args[0] == "has" && len(args) == 2:
		if keys := like(args[1]); len(keys) > 0 == neg {
			ts.Fatalf("like %s: %q", args[1], keys)
		}
	case args[0] == "put" && len(args) == 3:
		s.good.SetObject(prefix+args[1], []byte(ts.ReadFile(args[2])))
	case args[0] == "copy" && len(args) == 3:
		data, ok := s.good.Object(prefix + args[1])
		if !ok {
			ts.Fatalf("no %s", args[1])
		}
		s.good.SetObject(prefix+args[2], data)
	case args[0] == "flip" && len(args) == 3:
		keys := like(args[1])
		if len(keys) == 0 {
			ts.Fatalf("nothing is like %s", args[1])
		}
		at, err := strconv.Atoi(args[2])
		ts.Check(err)
		for _, key := range keys {
			data, _ := s.good.Object(key)
			data = []byte(string(data))
			i := at
			if i < 0 {
				i += len(data)
			}
			data[i] ^= 1
			s.good.SetObject(key, data)
		}
	default:
		ts.Fatalf("usage: bucket %s: not like that", strings.Join(args, " "))
	}
}
