// Package bucket is the backend in a bucket of an object store: S3 and what speaks its
// protocol (Ceph, MinIO, R2 and others); with the build tags gcs and azure Google's and
// Microsoft's too; and, for tests, memory.
//
// What it relies on is what Bucket.Probe tries: a create-only put (If-None-Match: *)
// has exactly one winner, and whoever asks after a put or a deletion was acknowledged
// sees it, in listings too. Nothing else is assumed: no rename, no conditions on the
// completion of multipart uploads, no conditional deletion, no lock.
//
// Requests are repeated by a loop of this package, not by the SDK, because only here it
// is known that an answer was lost: "it exists" may then mean that the first try won.
package bucket
