//go:build gcs

package bucket

import (
	"context"

	"cloud.google.com/go/storage"
	_ "gocloud.dev/blob/gcsblob"
)

func init() {
	openers["gs"] = func(ctx context.Context, b *Bucket) error {
		if err := openByURL(ctx, b); err != nil {
			return err
		}
		b.gateways[0].beforeList = func(name string) func(func(any) bool) error {
			return func(as func(any) bool) error {
				var q *storage.Query
				if as(&q) {
					q.StartOffset = name // which it includes
				}
				return nil
			}
		}
		return nil
	}
}
