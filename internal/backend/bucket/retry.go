package bucket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	firstAttempts = 4                // while the service has never answered
	maxElapsed    = 3 * time.Minute  // until the last try begins
	maxRetryAfter = 30 * time.Second // that a service may ask for
	maxSkewTries  = 2                // the first answer tells the SDK what time it is
)

// try makes one request, again and again while that may help: on the gateway that worked
// last, on the next one at once when that cannot be reached, and else after a wait that
// doubles. attempt may be called any number of times; an error that it has already
// judged, a *fault, is taken as it is.
func (b *Bucket) try(ctx context.Context, attempt func(ctx context.Context, g *gateway) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var last *fault
	tries, skewed := 0, 0
	once := func() (struct{}, error) {
		for range b.gateways {
			at := b.current.Load()
			if tries++; tries > 1 {
				b.meter.retries.Add(1)
			}
			err := attempt(ctx, b.gateways[at])
			if err == nil {
				b.reached.Store(true)
				return struct{}{}, nil
			}
			last = b.judge(ctx, err)
			if last.answered {
				b.reached.Store(true)
			}
			if last.skewed {
				skewed++
			}
			if !last.again || ctx.Err() != nil || skewed > maxSkewTries {
				return struct{}{}, backoff.Permanent(last)
			}
			b.leave(at, last)
			if last.answered {
				break
			}
		}
		if !b.reached.Load() && tries >= firstAttempts*len(b.gateways) {
			return struct{}{}, backoff.Permanent(last)
		}
		if last.after > 0 {
			return struct{}{}, &backoff.RetryAfterError{Duration: min(last.after, maxRetryAfter)}
		}
		return struct{}{}, last
	}
	_, err := backoff.Retry(ctx, once,
		backoff.WithBackOff(b.newWait()), backoff.WithMaxTries(uint(b.o.Attempts)), backoff.WithMaxElapsedTime(maxElapsed))
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case last == nil:
		return err
	case last.again && !last.answered:
		return fmt.Errorf("%w (tried %d times; does the service run, and is endpoint= its address?)", last, tries)
	case last.again && !errors.Is(last, ErrUnavailable) && !errors.Is(last, ErrDenied):
		return fmt.Errorf("%w: %s gave up after %d tries: %w", ErrUnavailable, b, tries, last)
	}
	return last
}

// leave goes over to the next gateway, unless somebody else has done so already.
func (b *Bucket) leave(at int32, why *fault) {
	if n := int32(len(b.gateways)); n > 1 {
		next := (at + 1) % n
		if b.current.CompareAndSwap(at, next) && !why.answered {
			b.o.Warn(fmt.Sprintf("%s does not answer; going on with %s", b.gateways[at].name, b.gateways[next].name))
		}
	}
}

func (b *Bucket) newWait() *backoff.ExponentialBackOff {
	w := &backoff.ExponentialBackOff{
		InitialInterval: b.o.Backoff, Multiplier: 2, RandomizationFactor: 0.5, MaxInterval: 100 * b.o.Backoff,
	}
	w.Reset()
	return w
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
