//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// aDay is what a day brings: the clock of the tests below is set by hand.
const aDay = 24 * time.Hour

// clocked is a store on disk with a clock that is set by hand.
type clocked struct {
	t    *testing.T
	s    *Store
	now  time.Time
	step int
	want map[string]content   // by version
	at   map[string]time.Time // what its clock said
	line []string             // versions, oldest first
}

func newClocked(t *testing.T, config ...string) *clocked {
	t.Helper()
	c := &clocked{t: t, now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), want: map[string]content{}, at: map[string]time.Time{}}
	var err error
	if c.s, _, err = Init(t.Context(), t.TempDir(), Options{Clock: func() time.Time { return c.now }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.s.Close() })
	for i := 0; i < len(config); i += 2 {
		if err := c.s.SetConfig(t.Context(), config[i], config[i+1], false); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *clocked) commit() string {
	c.t.Helper()
	c.step++
	n := content{5, 0, c.step}
	if err := os.WriteFile(filepath.Join(c.s.rootDir, "m.json"), n.bytes(false), 0o644); err != nil {
		c.t.Fatal(err)
	}
	id := save(c.t, c.s, CommitOptions{Paths: []string{"m.json"}}).Version.ID.String()
	c.want[id], c.at[id], c.line = n, c.now, append(c.line, id)
	return id
}

func (c *clocked) gc(now bool) *GCResult {
	c.t.Helper()
	res, err := c.s.GC(c.t.Context(), GCOptions{Now: now})
	if err != nil {
		c.t.Fatal(err)
	}
	return res
}

// readable tells which versions can be read, and demands that the others have expired
// and that those hold what was saved.
func (c *clocked) readable() map[string]bool {
	c.t.Helper()
	out := map[string]bool{}
	for _, id := range c.line {
		r, err := c.s.OpenModel(c.t.Context(), id, "m.json")
		if errors.Is(err, ErrExpired) {
			continue
		}
		if err != nil {
			c.t.Fatal(err)
		}
		_ = r.Close()
		if got := cat(c.t, c.s, id, "m.json"); string(got) != string(c.want[id].bytes(false)) {
			c.t.Fatalf("%s holds something else", id)
		}
		out[id] = true
	}
	mustFsck(c.t, c.s)
	return out
}

// mustKeep demands that versions can be read.
func (c *clocked) mustKeep(why string, ids ...string) {
	c.t.Helper()
	there := c.readable()
	for _, id := range ids {
		if !there[id] {
			c.t.Errorf("%s: the version of %s is lost", why, c.at[id].Format(time.DateTime))
		}
	}
}

// days commits thrice a day, and returns the versions of each day. The clock is wrong
// by jump for one commit in the middle of day number wrong.
func (c *clocked) days(n, wrong int, jump time.Duration) (byDay [][]string, odd string) {
	c.t.Helper()
	for d := range n {
		var today []string
		for i := range 3 {
			if d == wrong && i == 1 {
				c.now = c.now.Add(jump)
				odd = c.commit()
				c.now = c.now.Add(-jump)
			}
			today = append(today, c.commit())
			c.now = c.now.Add(time.Hour)
		}
		byDay = append(byDay, today)
		c.now = c.now.Add(aDay - 3*time.Hour)
	}
	return byDay, odd
}

// TestTortureClockJumps: the clock is a year ahead, or behind, for one commit. The
// last real days are kept, and so is what is dated in the future.
func TestTortureClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{365 * aDay, -365 * aDay} {
		for _, wrong := range []int{0, 4, 9} {
			for rule, value := range map[string]string{"gc.keep-within": "3d", "gc.keep-daily": "4"} {
				t.Run(fmt.Sprintf("%v on day %d, %s", jump, wrong, rule), func(t *testing.T) {
					t.Parallel()
					c := newClocked(t, rule, value)
					byDay, odd := c.days(10, wrong, jump)
					for range 2 {
						c.gc(true)
						var must []string
						for d, ids := range byDay {
							if rule == "gc.keep-within" && d >= len(byDay)-3 {
								must = append(must, ids...)
							}
							lost := 0 // a date in the past takes the place of a day, before and after it
							if jump < 0 && wrong > 4 {
								lost = 2
							}
							if rule == "gc.keep-daily" && d >= len(byDay)-4+lost {
								must = append(must, ids[len(ids)-1])
							}
						}
						if jump > 0 {
							must = append(must, odd)
						}
						c.mustKeep("after a jump", must...)
						if got := len(c.readable()); got > len(must)+6 {
							t.Errorf("%d versions are left of %d", got, len(c.line))
						}
						byDay = append(byDay, []string{c.commit()}) // the day after
					}
				})
			}
		}
	}
}

// TestTortureClockAheadAtLast: the newest version of all is the one with the wrong
// clock, and gc runs before another is made.
func TestTortureClockAheadAtLast(t *testing.T) {
	c := newClocked(t, "gc.keep-within", "3d", "gc.keep-daily", "4")
	byDay, _ := c.days(10, -1, 0)
	real := c.now
	c.now = c.now.Add(365 * aDay)
	odd := c.commit()
	c.now = real
	must := []string{odd}
	for _, ids := range byDay[7:] {
		must = append(must, ids...)
	}
	c.gc(false)
	c.mustKeep("the newest version is dated a year ahead", must...)
}

// TestTortureClockStandsStill: all versions have the same time.
func TestTortureClockStandsStill(t *testing.T) {
	for rule, value := range map[string]string{"gc.keep-within": "3d", "gc.keep-daily": "4", "gc.keep-last": "4"} {
		c := newClocked(t, rule, value)
		for range 12 {
			c.commit()
			c.gc(true)
		}
		must := c.line
		if rule == "gc.keep-daily" {
			must = c.line[11:]
		} else if rule == "gc.keep-last" {
			must = c.line[8:]
		}
		c.mustKeep(rule, must...)
		c.gc(false)
		c.mustKeep(rule, must...)
	}
}

// TestTortureGraceAndClocks: how the grace of condemned packs goes with clocks that
// are wrong.
func TestTortureGraceAndClocks(t *testing.T) {
	// condemn makes a store with condemned packs.
	condemn := func(t *testing.T) (c *clocked, gone int) {
		c = newClocked(t, "gc.keep-last", "3")
		c.days(3, -1, 0)
		if res := c.gc(false); res.Removed != 0 {
			t.Fatalf("%+v", res)
		}
		return c, len(c.line) - len(c.readable())
	}
	back := func(t *testing.T, c *clocked, want int) {
		t.Helper()
		if _, _, err := c.s.Undelete(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(c.readable()); got != want {
			t.Errorf("%d of %d versions are back, want %d", got, len(c.line), want)
		}
	}
	t.Run("backwards between runs", func(t *testing.T) {
		c, gone := condemn(t)
		at := c.now
		for _, d := range []time.Duration{-365 * aDay, 13 * aDay, -aDay, 0} {
			c.now = at.Add(d)
			if res := c.gc(false); res.Removed != 0 {
				t.Errorf("at %v: %d packs were removed", d, res.Removed)
			}
		}
		c.now = at
		if gone == 0 {
			t.Fatal("nothing was let go")
		}
		back(t, c, len(c.line))
	})
	t.Run("over", func(t *testing.T) {
		c, gone := condemn(t)
		c.now = c.now.Add(15 * aDay)
		if res := c.gc(false); res.Removed == 0 {
			t.Error("nothing was removed after the grace")
		}
		back(t, c, len(c.line)-gone)
	})
	t.Run("a year ahead in a later run", func(t *testing.T) {
		c, gone := condemn(t)
		real := c.now
		kept := c.readable()
		c.now = c.now.Add(365 * aDay)
		res := c.gc(false)
		t.Logf("a clock that is a year ahead during a gc: %d packs removed before their grace", res.Removed)
		c.now = real
		back(t, c, len(c.line)-gone)
		for id := range kept { // what the policy did not name
			c.mustKeep("a year ahead during a gc", id)
		}
	})
	for name, off := range map[string]time.Duration{"a year behind when it condemned": -365 * aDay, "a year ahead when it condemned": 365 * aDay} {
		t.Run(name, func(t *testing.T) {
			c := newClocked(t, "gc.keep-last", "3")
			c.days(3, -1, 0)
			real := c.now
			c.now = real.Add(off)
			c.gc(false)
			c.now = real.Add(time.Hour) // it is right again
			if res := c.gc(false); res.Removed != 0 {
				t.Errorf("%d packs were removed an hour after they were condemned: the grace is 14 days", res.Removed)
			}
			back(t, c, len(c.line))
		})
	}
}
