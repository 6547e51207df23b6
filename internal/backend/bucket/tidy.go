package bucket

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Tidy implements backend.Tidier: it aborts uploads in parts that were begun below the
// prefix longer than olderThan ago. Ages are told by the service's times and this
// machine's clock.
func (b *Bucket) Tidy(ctx context.Context, olderThan time.Duration) (n int, err error) {
	if b.gateways[0].s3 == nil {
		return 0, nil
	}
	before := time.Now().Add(-olderThan)
	var old []types.MultipartUpload
	err = b.uploads(ctx, b.prefix, func(m types.MultipartUpload) error {
		if m.Initiated != nil && m.Initiated.Before(before) {
			old = append(old, m)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("looking for unfinished uploads: %w", err)
	}
	for _, m := range old {
		if err := b.abortUpload(ctx, aws.ToString(m.Key), aws.ToString(m.UploadId)); err != nil {
			return n, fmt.Errorf("aborting an unfinished upload: %w", err)
		}
		n++
	}
	return n, nil
}
