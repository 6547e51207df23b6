package main

import (
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progressDelay is how long an operation runs before a bar appears.
const progressDelay = 500 * time.Millisecond

// progress shows one bar at a time, for whatever goes on. The zero value shows
// nothing. May be used by several goroutines.
type progress struct {
	w  io.Writer
	on bool

	mu    sync.Mutex
	op    string
	since time.Time
	done  int64
	total int64
	bar   *progressbar.ProgressBar
}

func newProgress(w io.Writer, on bool) *progress { return &progress{w: w, on: on} }

// update is a store.ProgressFunc.
func (p *progress) update(op string, done, total int64) {
	if !p.on {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if op != p.op {
		p.clear()
		p.op, p.since, p.done, p.total = op, time.Now(), 0, 0
	}
	p.done, p.total = max(p.done, done), max(p.total, total)
	if p.bar == nil {
		if time.Since(p.since) < progressDelay {
			return
		}
		p.bar = newBar(p.w, op, p.total)
	}
	if p.total > 0 && p.total != p.bar.GetMax64() {
		p.bar.ChangeMax64(p.total)
	}
	p.bar.Set64(p.done)
}

func newBar(w io.Writer, op string, total int64) *progressbar.ProgressBar {
	if total <= 0 {
		total = -1
	}
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(op),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(80*time.Millisecond),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
	)
}

// close takes the bar away; the next update may bring another.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.op = ""
}

func (p *progress) clear() {
	if p.bar != nil {
		p.bar.Clear()
		p.bar = nil
	}
}
