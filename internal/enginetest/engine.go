// Package enginetest gives tests a real S3 engine: the one that MSTORE_TEST_S3 names,
// without which they are skipped. Where it is that of scripts/engine.sh, they can end
// parts of it.
package enginetest

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Env names the engine: an s3:// URL without a bucket, with the endpoints of its
// gateways. Credentials are in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
const Env = "MSTORE_TEST_S3"

// Engine is a bucket of a test's own in an engine.
type Engine struct {
	t         testing.TB
	query     url.Values
	Bucket    string
	Endpoints []string // of the gateways
	Client    *s3.Client
}

// New makes a bucket, which goes with the test. It skips the test where there is no
// engine.
func New(t testing.TB) *Engine {
	t.Helper()
	raw := os.Getenv(Env)
	if raw == "" {
		t.Skip("needs a real S3 engine: make test-engine, or set " + Env)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "s3" || u.Host != "" {
		t.Fatalf("%s is not of the form s3://?endpoint=http://HOST:PORT[,URL...]&region=REGION", Env)
	}
	e := &Engine{t: t, query: u.Query(), Bucket: bucketName(t)}
	e.Endpoints = strings.Split(e.query.Get("endpoint"), ",")
	e.query.Del("endpoint")
	e.Client = Client(e.Endpoints[0])
	_, err = e.Client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &e.Bucket})
	if err != nil {
		t.Fatalf("making bucket %s: %v", e.Bucket, err)
	}
	t.Cleanup(e.remove)
	return e
}

// Client is a plain S3 client of an endpoint, with credentials from the environment.
func Client(endpoint string) *s3.Client {
	return s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, UsePathStyle: true,
		Credentials:                credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
}

func bucketName(t testing.TB) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, t.Name())
	return strings.Trim(name[:min(len(name), 40)], "-") + "-" + time.Now().UTC().Format("20060102-150405.000000")[:22]
}

// URL is that of a store in the bucket, reached through these endpoints, or else
// through all gateways.
func (e *Engine) URL(prefix string, endpoints ...string) string {
	if len(endpoints) == 0 {
		endpoints = e.Endpoints
	}
	return "s3://" + e.Bucket + "/" + prefix + "?endpoint=" + strings.Join(endpoints, ",") + "&" + e.query.Encode()
}

// Object is one object of the bucket.
type Object struct {
	Key  string
	Size int64
}

// List lists the objects below a prefix.
func (e *Engine) List(prefix string) (all []Object) {
	e.t.Helper()
	pages := s3.NewListObjectsV2Paginator(e.Client, &s3.ListObjectsV2Input{Bucket: &e.Bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			e.t.Fatalf("listing %s/%s: %v", e.Bucket, prefix, err)
		}
		for _, o := range page.Contents {
			all = append(all, Object{*o.Key, *o.Size})
		}
	}
	return all
}

func (e *Engine) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		page, err := e.Client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &e.Bucket})
		if err != nil || len(page.Contents) == 0 {
			break
		}
		var ids []types.ObjectIdentifier
		for _, o := range page.Contents {
			ids = append(ids, types.ObjectIdentifier{Key: o.Key})
		}
		if _, err := e.Client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &e.Bucket, Delete: &types.Delete{Objects: ids}}); err != nil {
			e.t.Logf("emptying bucket %s: %v", e.Bucket, err)
			return
		}
	}
	uploads, err := e.Client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &e.Bucket})
	if err == nil {
		for _, u := range uploads.Uploads {
			_, _ = e.Client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &e.Bucket, Key: u.Key, UploadId: u.UploadId})
		}
	}
	if _, err := e.Client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &e.Bucket}); err != nil {
		e.t.Logf("removing bucket %s: %v", e.Bucket, err)
	}
}

// script is scripts/engine.sh.
func script() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("where is this file?")
	}
	name := filepath.Join(filepath.Dir(file), "..", "..", "scripts", "engine.sh")
	_, err := os.Stat(name)
	return name, err
}

// CanKill skips the test unless the engine is one that parts of may be ended.
func (e *Engine) CanKill() {
	e.t.Helper()
	if os.Getenv("MSTORE_ENGINE_DIR") == "" {
		e.t.Skip("ends parts of the engine, which scripts/engine.sh must have started: make test-engine")
	}
	e.run("wait")
}

// Kill ends an OSD ("osd", 0 to 2) or a gateway ("gateway", 0 or 1) with kill -9. It
// comes back at the end of the test at the latest.
func (e *Engine) Kill(what, which string) {
	e.t.Helper()
	e.t.Cleanup(func() { e.Start(what, which) })
	e.run("kill-"+what, which)
}

// Start brings back what was ended, and waits until it works.
func (e *Engine) Start(what, which string) {
	e.t.Helper()
	e.run("start-"+what, which)
}

func (e *Engine) run(args ...string) {
	e.t.Helper()
	name, err := script()
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		e.t.Errorf("engine.sh %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
