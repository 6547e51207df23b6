package bucket

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
)

// credentials is what the chain of the SDK found, with two differences: the machine's
// own role (EC2) is asked for only on such machines, because elsewhere the question goes
// to an address that does not answer; and an error is known for what it is.
type credentials struct {
	next aws.CredentialsProvider
	none bool // nothing was found, and there is no machine to ask
}

func newCredentials(next aws.CredentialsProvider) aws.CredentialsProvider {
	if next == nil || aws.IsCredentialsProvider(next, (*aws.AnonymousCredentials)(nil)) {
		return next
	}
	role := aws.IsCredentialsProvider(next, (*ec2rolecreds.Provider)(nil))
	return aws.NewCredentialsCache(&credentials{next: next, none: role && !onEC2()})
}

// noCredentials is why a request could not be signed.
type noCredentials struct{ err error }

func (e *noCredentials) Error() string { return e.err.Error() }
func (e *noCredentials) Unwrap() error { return e.err }

var errNone = errors.New("no credentials found in the environment, in a profile or on this machine")

const credentialsTimeout = 15 * time.Second // a process or a sign-on service may have to be asked

func (c *credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if c.none {
		return aws.Credentials{}, &noCredentials{errNone}
	}
	asking, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	creds, err := c.next.Retrieve(asking)
	if err != nil && ctx.Err() == nil {
		err = &noCredentials{err}
	}
	return creds, err
}

// onEC2 tells whether this machine says that it is one of Amazon's, or somebody has
// said where the service for roles is.
func onEC2() bool {
	if os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT") != "" {
		return true
	}
	for _, file := range []string{
		"/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/bios_vendor",
		"/sys/class/dmi/id/product_version", "/sys/hypervisor/uuid",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		s := strings.ToLower(string(text))
		if strings.Contains(s, "amazon") || strings.HasPrefix(s, "ec2") {
			return true
		}
	}
	return false
}
