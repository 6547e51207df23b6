package bucket_test

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/mstore/mstore/internal/backend/bucket"
	"github.com/mstore/mstore/internal/backend/bucket/buckettest"
)

// TestOwnCertificates: AWS_CA_BUNDLE names who may sign for the service, and nobody else
// may.
func TestOwnCertificates(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	https := httptest.NewTLSServer(s)
	t.Cleanup(https.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: https.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	u := s.At("p", https.URL)
	t.Setenv("AWS_CA_BUNDLE", "")
	_, err := open(t, u, quick(bucket.Options{Attempts: 2})).List(ctx, "", "", 0)
	wantError(t, "a certificate that nobody knows", err, bucket.ErrUnavailable)
	t.Setenv("AWS_CA_BUNDLE", file)
	if _, err := open(t, u, quick(bucket.Options{})).List(ctx, "", "", 0); err != nil {
		t.Error(err)
	}
}
