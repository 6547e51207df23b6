package bucket

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Unfinished counts the uploads in parts below the prefix that were begun longer than
// olderThan ago, which Tidy would abort.
func (b *Bucket) Unfinished(ctx context.Context, olderThan time.Duration) (n int, err error) {
	if b.gateways[0].s3 == nil {
		return 0, nil
	}
	before := time.Now().Add(-olderThan)
	err = b.uploads(ctx, b.prefix, func(m types.MultipartUpload) error {
		if m.Initiated != nil && m.Initiated.Before(before) {
			n++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("looking for unfinished uploads: %w", err)
	}
	return n, nil
}

// Skew is how far the service's clock is ahead of this machine's, to the second, by its
// last answer; not ok before the first one that tells the time.
func (b *Bucket) Skew() (skew time.Duration, ok bool) {
	return time.Duration(b.meter.skew.Load()), b.meter.dated.Load()
}

func (m *meter) noteDate(header string) {
	if t, err := http.ParseTime(header); err == nil {
		m.skew.Store(int64(time.Until(t)))
		m.dated.Store(true)
	}
}
