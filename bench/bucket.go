package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// engineEnv names a real S3 engine, as tests have it: an s3:// URL without a bucket.
const engineEnv = "MSTORE_TEST_S3"

// bucket is one that a scenario has for itself, in a real engine.
type bucket struct {
	name      string
	endpoints []string
	query     url.Values // the other parameters of the URL
	plain     *s3.Client
}

// makeBucket makes a bucket; nil where there is no engine.
func (b *bench) makeBucket() (*bucket, error) {
	raw := os.Getenv(engineEnv)
	if raw == "" {
		return nil, nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "s3" || u.Host != "" {
		return nil, fmt.Errorf("%s is not of the form s3://?endpoint=http://HOST:PORT[,URL...]", engineEnv)
	}
	k := &bucket{name: "bench-" + time.Now().UTC().Format("20060102-150405"), query: u.Query()}
	k.endpoints = strings.Split(k.query.Get("endpoint"), ",")
	k.query.Del("endpoint")
	if strings.HasPrefix(k.endpoints[0], "http://") { // nothing to verify: not read, since rclone refuses it
		if err := os.Unsetenv("AWS_CA_BUNDLE"); err != nil {
			return nil, err
		}
	}
	k.plain = k.client()
	_, err = k.plain.CreateBucket(b.ctx, &s3.CreateBucketInput{Bucket: &k.name})
	return k, err
}

// client is a plain S3 client with connections of its own.
func (k *bucket) client() *s3.Client {
	return s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &k.endpoints[0], UsePathStyle: true,
		HTTPClient:                 &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: fetchers}},
		Credentials:                credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
}

// url is that of a store, reached through these endpoints, else all.
func (k *bucket) url(prefix string, endpoints ...string) string {
	if len(endpoints) == 0 {
		endpoints = k.endpoints
	}
	return "s3://" + k.name + "/" + prefix + "?endpoint=" + strings.Join(endpoints, ",") + "&" + k.query.Encode()
}

// keys lists what lies below a prefix, and how much it is.
func (k *bucket) keys(ctx context.Context, prefix string) (keys []string, size int64, err error) {
	pages := s3.NewListObjectsV2Paginator(k.plain, &s3.ListObjectsV2Input{Bucket: &k.name, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, 0, err
		}
		for _, o := range page.Contents {
			keys, size = append(keys, *o.Key), size+*o.Size
		}
	}
	return keys, size, nil
}

// remove removes the bucket and everything in it.
func (k *bucket) remove() error {
	ctx := context.Background()
	for {
		page, err := k.plain.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &k.name})
		if err != nil {
			return err
		}
		if len(page.Contents) == 0 {
			break
		}
		var ids []types.ObjectIdentifier
		for _, o := range page.Contents {
			ids = append(ids, types.ObjectIdentifier{Key: o.Key})
		}
		if _, err := k.plain.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &k.name, Delete: &types.Delete{Objects: ids}}); err != nil {
			return err
		}
	}
	_, err := k.plain.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &k.name})
	return err
}

// puts measures a plain PUT of each size, one after the other, by a client that has no
// connection yet.
func (k *bucket) puts(ctx context.Context, prefix string, sizes ...int64) (usage, error) {
	client := k.client()
	start := time.Now()
	for i, n := range sizes {
		data := make([]byte, n)
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(data)
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &k.name, Key: aws.String(fmt.Sprintf("%s/%d", prefix, i)), Body: bytes.NewReader(data)})
		if err != nil {
			return usage{}, err
		}
	}
	return usage{wall: time.Since(start)}, nil
}

const fetchers = 8

// fetch measures a plain client that gets keys into files, several at once.
func (k *bucket) fetch(ctx context.Context, keys []string, dir string) (usage, error) {
	client := k.client()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(fetchers)
	start := time.Now()
	for i, key := range keys {
		g.Go(func() error {
			resp, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &k.name, Key: &key})
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			f, err := os.Create(filepath.Join(dir, itoa(i)))
			if err != nil {
				return err
			}
			_, err = io.Copy(f, resp.Body)
			return errors.Join(err, f.Close())
		})
	}
	err := g.Wait()
	return usage{wall: time.Since(start)}, err
}
