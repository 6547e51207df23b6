package bucket

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/logging"
	gcaws "gocloud.dev/aws"
	"gocloud.dev/blob/s3blob"
)

// s3Settings are the parameters of the URL that concern the client.
type s3Settings struct {
	pathStyle, accelerate, plainHTTP bool
	sse                              types.ServerSideEncryption
	kmsKey                           string
}

// defaultRegion is for services that have none, which is most of those that are not
// Amazon's; a signature must name one.
const defaultRegion = "us-east-1"

func openS3(ctx context.Context, b *Bucket) error {
	q := b.place.query
	set, err := takeS3Settings(q, len(b.place.endpoints) > 0)
	if err != nil {
		return err
	}
	// What Ceph 16 and older MinIO understand: no checksums in trailers. The bytes are
	// covered by the SHA-256 in the signature anyway.
	for _, name := range []string{"request_checksum_calculation", "response_checksum_validation"} {
		if q.Get(name) == "" {
			q.Set(name, "when_required")
		}
	}
	if err := knownParameters(q); err != nil {
		return err
	}
	cfg, err := gcaws.V2ConfigFromURLParams(ctx, q)
	if err != nil {
		return fmt.Errorf("%w: reading the configuration of credentials: %w", ErrDenied, err)
	}
	cfg.Credentials = newCredentials(cfg.Credentials)
	if cfg.Region == "" {
		if len(b.place.endpoints) == 0 {
			return fmt.Errorf("%w: no region: add region=REGION, or endpoint=URL for a service that is not Amazon's", ErrURL)
		}
		cfg.Region = defaultRegion
	}
	transport := b.o.Transport
	if transport == nil {
		pool := newPool(b.o)
		if own, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok { // with the certificates of AWS_CA_BUNDLE
			pool.TLSClientConfig = own.GetTransport().TLSClientConfig
		}
		transport, b.closer = pool, closeIdle{pool}
	}
	cfg.HTTPClient = &http.Client{
		Transport: &watched{next: transport, meter: &b.meter, timeout: b.o.Timeout},
		// A signature is for one address; and where a redirection leads is not to be
		// decided by whoever answers.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	cfg.Logger = logging.Nop{} // it would write to standard error
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	endpoints := b.place.endpoints
	if len(endpoints) == 0 {
		endpoints = []string{""}
	}
	for _, e := range endpoints {
		g, err := newS3Gateway(ctx, cfg, e, b.place.bucket, set)
		if err != nil {
			return err
		}
		b.gateways = append(b.gateways, g)
	}
	b.sse, b.kmsKey = set.sse, set.kmsKey
	return nil
}

func newS3Gateway(ctx context.Context, cfg aws.Config, endpoint, bucket string, set s3Settings) (*gateway, error) {
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = set.pathStyle
		o.UseAccelerate = set.accelerate
		o.EndpointOptions.DisableHTTPS = set.plainHTTP
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
		// No round trip before each large body: refusals are rare.
		o.ContinueHeaderThresholdBytes = -1
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	bb, err := s3blob.OpenBucket(ctx, client, bucket, &s3blob.Options{
		EncryptionType: set.sse, KMSEncryptionID: set.kmsKey,
		RequestChecksumCalculation: cfg.RequestChecksumCalculation,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	name := endpoint
	if name == "" {
		name = "s3." + cfg.Region
	}
	return &gateway{name: name, blob: bb, s3: client}, nil
}

// takeS3Settings takes out of q what gocloud's helper for the configuration does not
// know. The names are those of gocloud's s3blob.
func takeS3Settings(q map[string][]string, ownEndpoint bool) (set s3Settings, err error) {
	absent, oldAbsent := true, true
	if set.pathStyle, absent, err = takeBool(q, "use_path_style"); err != nil {
		return set, err
	}
	if absent {
		if set.pathStyle, oldAbsent, err = takeBool(q, "s3ForcePathStyle"); err != nil {
			return set, err
		}
	}
	if absent && oldAbsent { // names of buckets in front of an own host are rarely known to DNS
		set.pathStyle = ownEndpoint
	}
	if set.accelerate, _, err = takeBool(q, "accelerate"); err != nil {
		return set, err
	}
	if set.plainHTTP, _, err = takeBool(q, "disable_https"); err != nil {
		return set, err
	}
	if sse := take(q, "ssetype"); sse != "" {
		for _, known := range types.ServerSideEncryption("").Values() {
			if strings.EqualFold(string(known), sse) {
				set.sse = known
			}
		}
		if set.sse == "" {
			return set, fmt.Errorf("%w: ssetype=%q is no kind of encryption", ErrURL, sse)
		}
	}
	set.kmsKey = take(q, "kmskeyid")
	return set, nil
}

// knownParameters refuses what is left over by name, never by value: somebody may have
// written a secret there.
func knownParameters(q map[string][]string) error {
	for name := range q {
		switch name {
		case "region", "anonymous", "profile", "role", "role_session_name", "role_external_id",
			"role_duration", "web_identity_token_file", "hostname_immutable", "dualstack", "fips",
			"rate_limiter_capacity", "request_checksum_calculation", "response_checksum_validation":
		default:
			return fmt.Errorf("%w: unknown parameter %q (credentials come from the environment or a profile)", ErrURL, name)
		}
	}
	return nil
}
