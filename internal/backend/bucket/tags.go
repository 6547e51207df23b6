package bucket

import (
	"crypto/md5"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/mstore/mstore/internal/backend"
)

// taggedPrefix has the keys that are deleted and created anew: the journal's. Nothing is
// remembered of others.
const taggedPrefix = "journal/"

// tags remembers what listings and puts said of the bytes of keys.
type tags struct {
	mu    sync.Mutex
	byKey map[string]string
}

// Tag implements backend.Tagger.
func (b *Bucket) Tag(key string) (string, bool) {
	b.tags.mu.Lock()
	defer b.tags.mu.Unlock()
	tag, ok := b.tags.byKey[key]
	return tag, ok
}

func (t *tags) set(key, tag string) {
	if !strings.HasPrefix(key, taggedPrefix) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if tag == "" {
		delete(t.byKey, key)
		return
	}
	if t.byKey == nil {
		t.byKey = map[string]string{}
	}
	t.byKey[key] = tag
}

func (t *tags) forget(key string) { t.set(key, "") }

// listed takes over a listing: what it covers and does not show is gone.
func (t *tags) listed(prefix, after string, infos []backend.Info, tags []string, partial bool) {
	if !strings.HasPrefix(prefix, taggedPrefix) && !strings.HasPrefix(taggedPrefix, prefix) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	until := ""
	if partial {
		until = infos[len(infos)-1].Key
	}
	for key := range t.byKey {
		if strings.HasPrefix(key, prefix) && key > after && (until == "" || key <= until) {
			delete(t.byKey, key)
		}
	}
	if t.byKey == nil {
		t.byKey = map[string]string{}
	}
	for i, info := range infos {
		if strings.HasPrefix(info.Key, taggedPrefix) && tags[i] != "" {
			t.byKey[info.Key] = tags[i]
		}
	}
}

// listedTag is the tag of an object in a listing of S3. An ETag of the form of an MD5
// tells by itself; to any other one the time is added.
func listedTag(o types.Object) string {
	etag := cleanTag(o.ETag)
	if etag == "" {
		return ""
	}
	if len(etag) == 2*md5.Size {
		return putTag(etag, aws.ToInt64(o.Size))
	}
	return fmt.Sprintf("%s-%d-%d", etag, aws.ToInt64(o.Size), aws.ToTime(o.LastModified).UnixNano())
}

// putTag is the tag of an object that was put, as a listing will have it; "" when that
// cannot be known.
func putTag(etag string, size int64) string {
	if len(etag) != 2*md5.Size {
		return ""
	}
	return fmt.Sprintf("%s-%d", etag, size)
}
