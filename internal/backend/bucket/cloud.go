//go:build gcs || azure

package bucket

import (
	"context"
	"fmt"
	"net/url"

	"gocloud.dev/blob"
)

// openByURL leaves parameters, credentials and transport to gocloud's driver.
func openByURL(ctx context.Context, b *Bucket) error {
	if len(b.place.endpoints) > 0 {
		return fmt.Errorf("%w: endpoint is a parameter of s3:// alone", ErrURL)
	}
	u := url.URL{Scheme: b.place.scheme, Host: b.place.bucket, RawQuery: b.place.query.Encode()}
	bb, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDenied, err)
	}
	b.gateways = []*gateway{{name: b.place.scheme, blob: bb}}
	b.closer = bb
	b.meter.logical = true
	return nil
}
