package buckettest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// EngineEnv names the environment variable with the address of a real engine, like
// s3://?endpoint=http://127.0.0.1:8000,http://127.0.0.1:8001&region=us-east-1&use_path_style=true.
// Credentials come from the environment as well.
const EngineEnv = "MSTORE_TEST_S3"

// Engine makes an empty bucket on the real engine, and returns its storage URL; it is
// removed with what is in it when the test ends. The test is skipped where there is no
// engine.
func Engine(t testing.TB) string {
	t.Helper()
	raw := os.Getenv(EngineEnv)
	if raw == "" {
		t.Skip(EngineEnv + " names no engine")
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	endpoint, _, _ := strings.Cut(u.Query().Get("endpoint"), ",")
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithRegion("us-east-1"))
	if err != nil {
		t.Fatal(err)
	}
	c := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = true
		o.BaseEndpoint = &endpoint
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	var id [8]byte
	rand.Read(id[:])
	name := "test-" + hex.EncodeToString(id[:])
	if _, err := c.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeBucket(t, c, name) })
	u.Host = name
	return u.String()
}

// WithPrefix is the storage URL of a prefix in the bucket of another one.
func WithPrefix(rawURL, prefix string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		panic(err)
	}
	return u.JoinPath(prefix).String()
}

func removeBucket(t testing.TB, c *s3.Client, name string) {
	ctx := context.Background()
	objects := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: &name})
	for objects.HasMorePages() {
		page, err := objects.NextPage(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		var all types.Delete
		for _, o := range page.Contents {
			all.Objects = append(all.Objects, types.ObjectIdentifier{Key: o.Key})
		}
		if len(all.Objects) == 0 {
			break
		}
		if _, err := c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &name, Delete: &all}); err != nil {
			t.Error(err)
		}
	}
	uploads, err := c.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &name})
	if err == nil {
		for _, u := range uploads.Uploads {
			c.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &name, Key: u.Key, UploadId: u.UploadId})
		}
	}
	if _, err := c.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name}); err != nil {
		t.Error(err)
	}
}
