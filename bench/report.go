package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// report collects markdown until it is flushed.
type report struct {
	b     strings.Builder
	table bool // the last line belongs to a table
}

// row is one line of a table.
type row struct {
	what, system string
	u            usage
	size         int64 // bytes stored; below 0: not measured
	target       string
	note         string
}

func (r *report) printf(format string, args ...any) { fmt.Fprintf(&r.b, format, args...) }

func (r *report) flush(w io.Writer) {
	_, _ = io.WriteString(w, r.b.String()) // nobody is left to tell
	r.b.Reset()
}

func (r *report) head(b *bench) {
	kind := ""
	if b.quick {
		kind = " (-quick: small corpora, the targets do not apply)"
	}
	r.printf("# mstore and its peers%s\n\n", kind)
	r.printf("%s/%s, %d processors, %s; medians of %d runs; CPU is user + system of the whole process; MB are 10^6 bytes.\n\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), b.runs)
	for _, p := range b.peers {
		r.printf("- %s: %s\n", p.name, p.version)
	}
	if len(b.missing) > 0 {
		r.printf("- not installed, so skipped: %s (`make bench-peers` installs them on Debian)\n", strings.Join(b.missing, ", "))
	}
}

func (r *report) section(name, help string) {
	r.printf("\n## %s\n\n%s\n", name, help)
	r.table = false
}

func (r *report) note(s string) {
	r.printf("\n%s\n", s)
	r.table = false
}

func (r *report) add(x row) {
	if !r.table {
		r.printf("\n| what | program | stored MB | CPU | wall | peak MB | target | note |\n|---|---|--:|--:|--:|--:|---|---|\n")
		r.table = true
	}
	size := ""
	if x.size >= 0 {
		size = megabytes(x.size)
	}
	rss := ""
	if x.u.rss > 0 {
		rss = megabytes(x.u.rss)
	}
	r.printf("| %s | %s | %s | %s | %s | %s | %s | %s |\n", x.what, x.system, size, duration(x.u.cpu), duration(x.u.wall), rss, x.target, x.note)
	fmt.Fprintf(os.Stderr, "%-24s %-8s %10s %10s cpu %10s wall %8s MB peak  %s\n", x.what, x.system, size, duration(x.u.cpu), duration(x.u.wall), rss, x.note)
}

func (r *report) foot(*bench) {
	r.printf("\nPeak memory below %s MB cannot be told from this program's own.\n", megabytes(ownRSS()))
}

func megabytes(n int64) string {
	if n < 10e6 {
		return fmt.Sprintf("%.2f", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f", float64(n)/1e6)
}

func duration(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	case d < 10*time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
