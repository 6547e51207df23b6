package bucket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/mstore/mstore/internal/backend"
	"gocloud.dev/gcerrors"
)

// fault is an error of one request, judged.
type fault struct {
	err      error         // in the terms of this package or of backend
	again    bool          // trying again may help
	answered bool          // the service answered: there is no sense in asking another gateway at once
	maybe    bool          // the request may have taken effect
	skewed   bool          // the clocks differ
	after    time.Duration // what the service asks to wait; 0: nothing
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// judge finds out what an error of a request means.
func (b *Bucket) judge(ctx context.Context, err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	var creds *noCredentials
	var api smithy.APIError
	var resp *smithyhttp.ResponseError
	switch {
	case ctx.Err() != nil:
		return &fault{err: ctx.Err(), maybe: true}
	case errors.As(err, &creds):
		return &fault{err: fmt.Errorf("%w: %w: %s", ErrDenied, creds, howToSignIn)}
	case errors.Is(err, ErrMisbehaves):
		return &fault{err: err, answered: true, maybe: true}
	case errors.As(err, &resp) && resp.Response != nil && resp.HTTPStatusCode() > 0:
		code := ""
		if errors.As(err, &api) {
			code = api.ErrorCode()
		}
		return b.judgeAnswer(err, code, resp)
	}
	if b.meter.logical {
		return judgeGeneric(err)
	}
	return judgeNetwork(err)
}

const howToSignIn = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"

// judgeAnswer judges by what S3 answered. The codes are those of the S3 API reference,
// "Error responses", and what Ceph and MinIO say instead.
func (b *Bucket) judgeAnswer(err error, code string, resp *smithyhttp.ResponseError) *fault {
	status := resp.HTTPStatusCode()
	f := &fault{answered: true, after: retryAfter(resp.Response.Header)}
	brief := fmt.Errorf("%s answers %d %s", b.place.bucket, status, code)
	if code == "" {
		brief = fmt.Errorf("%s answers %d %s", b.place.bucket, status, http.StatusText(status))
	}
	f.skewed = code == "RequestTimeTooSkewed" || status == http.StatusForbidden && skewed(resp.Response.Header)
	switch code {
	case "NoSuchBucket":
		f.err = fmt.Errorf("%w: %q on %s: make it first, or correct the name", ErrNoBucket, b.place.bucket, b.gateways[b.current.Load()].name)
		return f
	case "NoSuchUpload", "InvalidPart", "InvalidPartOrder":
		f.err = fmt.Errorf("%w: %w", errUploadGone, brief)
		return f
	case "PreconditionFailed":
		f.err = backend.ErrExists
		return f
	case "InvalidRange":
		f.err = errPastEnd
		return f
	case "InvalidBucketName":
		f.err = fmt.Errorf("%w: %q cannot be the name of a bucket", ErrURL, b.place.bucket)
		return f
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException":
		f.err = fmt.Errorf("%w: %w: wrong region: %s", ErrDenied, brief, rightRegion(resp.Response.Header))
		return f
	case "RequestTimeTooSkewed":
		f.again = true
		f.err = fmt.Errorf("%w: %w: the clock of this machine is wrong: correct it", ErrDenied, brief)
		return f
	case "ConditionalRequestConflict", "OperationAborted", "RequestTimeout", "SlowDown", "IncompleteBody",
		"BadDigest", "XAmzContentSHA256Mismatch", "TooManyRequests":
		f.again, f.maybe, f.err = true, status >= 500, brief
		return f
	case "ExpiredToken", "InvalidToken", "ExpiredTokenException", "TokenRefreshRequired":
		f.err = fmt.Errorf("%w: %w: sign in again", ErrDenied, brief)
		return f
	case "InvalidAccessKeyId", "SignatureDoesNotMatch":
		f.err = fmt.Errorf("%w: %w: the credentials are wrong: %s", ErrDenied, brief, howToSignIn)
		return f
	}
	switch {
	case status == http.StatusPreconditionFailed:
		f.err = backend.ErrExists
	case status == http.StatusRequestedRangeNotSatisfiable:
		f.err = errPastEnd
	case status == http.StatusNotFound:
		f.err = backend.ErrNotFound
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		f.again = f.skewed
		f.err = fmt.Errorf("%w: %w: these credentials may not do that in bucket %q", ErrDenied, brief, b.place.bucket)
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		f.again, f.maybe, f.err = true, status >= 500, brief
	case status >= 200 && status < 300: // it could not be read to its end
		f.again, f.maybe, f.err = true, true, fmt.Errorf("reading the answer of %s: %w", b.place.bucket, err)
	case status >= 300 && status < 400:
		f.err = fmt.Errorf("%w: the bucket is elsewhere: %s", brief, rightRegion(resp.Response.Header))
	default:
		f.err = fmt.Errorf("%w: %w", brief, err)
	}
	return f
}

// judgeNetwork judges an error without an answer.
func judgeNetwork(err error) *fault {
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	var params smithy.InvalidParamsError
	var send *smithyhttp.RequestSendError
	var deserialization *smithy.DeserializationError
	dial := errors.As(err, &op) && op.Op == "dial"
	switch {
	case errors.As(err, &cert), errors.Is(err, http.ErrSchemeMismatch):
		return &fault{err: fmt.Errorf("%w: %w", ErrUnavailable, err)}
	case errors.As(err, &params):
		return &fault{err: err}
	case errors.As(err, &send), errors.As(err, &deserialization), errors.Is(err, errStalled), isNetwork(err):
		return &fault{err: fmt.Errorf("%w: %w", ErrUnavailable, shorter(err)), again: true, maybe: !dial}
	}
	return &fault{err: err, maybe: true}
}

// shorter leaves out which operation of the SDK it was.
func shorter(err error) error {
	var send *smithyhttp.RequestSendError
	if errors.As(err, &send) && send.Err != nil {
		return send.Err
	}
	return err
}

// judgeGeneric judges by gocloud's codes, where another service's SDK makes the requests
// and repeats them.
func judgeGeneric(err error) *fault {
	f := &fault{err: err, answered: true}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		f.err = backend.ErrNotFound
	case gcerrors.FailedPrecondition, gcerrors.AlreadyExists:
		f.err = backend.ErrExists
	case gcerrors.PermissionDenied:
		f.err = fmt.Errorf("%w: %w", ErrDenied, err)
	case gcerrors.InvalidArgument, gcerrors.Unimplemented:
	default:
		f.again, f.maybe = true, true
	}
	return f
}

func isNetwork(err error) bool {
	var n net.Error
	return errors.As(err, &n) || isCut(err)
}

// retryAfter reads the header in its form of seconds; 0: there is none.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n <= 0 {
		return 0
	}
	return time.Duration(min(n, 3600)) * time.Second
}

// skewed tells whether the service's clock is so far from this one that a refusal, of
// which no reason is given, may be due to that.
func skewed(h http.Header) bool {
	t, err := http.ParseTime(h.Get("Date"))
	return err == nil && time.Since(t).Abs() > 4*time.Minute
}

func rightRegion(h http.Header) string {
	if r := h.Get("X-Amz-Bucket-Region"); r != "" {
		return fmt.Sprintf("say region=%s in the storage URL", r)
	}
	return "say region=REGION in the storage URL"
}
