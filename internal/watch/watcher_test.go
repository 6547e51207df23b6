package watch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const second = time.Second

func TestSavesWhatIsUnsavedAtTheStart(t *testing.T) {
	p, w := newFake(t, Options{Initial: true})
	p.write("a.json", Whole)
	p.write("b.json", Whole)
	p.files["b.json"].saved = p.files["b.json"].stat
	p.to(w, 10*second)
	p.saved("2s a.json")
}

func TestLeavesWhatIsUnsavedAtTheStart(t *testing.T) {
	p, w := newFake(t, Options{})
	p.deaf = true
	p.write("a.json", Whole)
	p.deaf = false
	p.to(w, 10*second)
	p.saved()
	p.write("new.json", Whole)
	p.to(w, 15*second)
	p.write("a.json", Whole)
	p.to(w, 20*second)
	p.saved("12s new.json", "17s a.json")
}

func TestWaitsUntilAFileSettles(t *testing.T) {
	p, w := newFake(t, Options{})
	for i := range 5 {
		p.to(w, time.Duration(i)*second)
		p.write("a.json", Whole)
	}
	p.to(w, 5*second)
	p.touch("a.json") // something happened that does not show
	p.to(w, 20*second)
	p.saved("7s a.json")
}

// What no source tells of is found by looking: the settle time runs from there.
func TestPolls(t *testing.T) {
	p, w := newFake(t, Options{Scan: 3 * second, Poll: 3 * second, Initial: true})
	p.deaf = true
	p.to(w, 1*second)
	p.write("a.json", Whole)
	p.to(w, 4*second) // seen at 3s
	p.write("a.json", Whole)
	p.to(w, 20*second) // at 5s it is not as it was seen
	p.saved("7s a.json")
	p.remove("a.json")
	p.to(w, 30*second)
	p.write("a.json", Whole)
	p.to(w, 40*second)
	p.saved("7s a.json", "35s a.json")
}

func TestWithoutNotificationItPolls(t *testing.T) {
	p, w := newFake(t, Options{})
	p.watchErr, p.deaf = errors.New("no watches left"), true
	p.to(w, 5*second)
	p.write("a.json", Whole)
	p.to(w, 10*second)
	p.saved("8s a.json")
	p.saidThat("no watches left")
}

// A place that takes long to look at is not looked at without pause.
func TestSlowScans(t *testing.T) {
	p, w := newFake(t, Options{Scan: second, Poll: second})
	w.clock = func() time.Time { return p.now.Add(3 * second) }
	p.to(w, time.Minute)
	if n := len(p.scans); n < 4 || n > 5 { // every 15s
		t.Errorf("%d scans", n)
	}
}

// A file that is replaced by another between the look and the save has to settle again.
func TestReplacedByRename(t *testing.T) {
	p, w := newFake(t, Options{})
	p.to(w, 1*second)
	p.write("a.json", Whole)
	p.to(w, 2*second)
	p.deaf = true
	p.write("a.json", Whole) // the event is late
	p.deaf = false
	p.to(w, 4*second)
	p.saved()
	p.touch("a.json")
	p.to(w, 20*second)
	p.saved("6s a.json")
}

func TestIncompleteThenComplete(t *testing.T) {
	p, w := newFake(t, Options{})
	p.to(w, 1*second)
	p.write("a.json", Part)
	p.to(w, 10*second)
	p.saved()
	p.saidThat()
	p.to(w, time.Minute)
	p.saidThat("a.json is not saved: it is cut off")
	p.write("a.json", Part)
	p.to(w, 2*time.Minute)
	p.saidThat("a.json is not saved: it is cut off") // once
	p.write("a.json", Whole)
	p.to(w, 3*time.Minute)
	p.saved("2m2s a.json")
	p.write("a.json", Part)
	p.to(w, 4*time.Minute)
	if len(p.said) != 2 {
		t.Errorf("said %q", p.said)
	}
}

func TestIncompleteIfAskedFor(t *testing.T) {
	p, w := newFake(t, Options{Incomplete: true})
	p.to(w, 1*second)
	p.write("a.json", Part)
	p.to(w, 10*second)
	p.saved("3s a.json")
}

func TestRateLimitTakesTheNewest(t *testing.T) {
	p, w := newFake(t, Options{Every: time.Minute})
	for i := range 10 {
		p.to(w, time.Duration(1+10*i)*second)
		p.write("a.json", Whole)
	}
	p.write("b.json", Whole)
	p.to(w, 10*time.Minute)
	p.saved("3s a.json", "1m3s a.json", "2m3s a.json b.json")
	for path, f := range p.files {
		if f.saved != f.stat {
			t.Errorf("the newest content of %s is not saved", path)
		}
	}
}

// A file that never comes to rest is saved all the same, if it says itself that it is
// complete.
func TestNeverAtRest(t *testing.T) {
	p, w := newFake(t, Options{})
	for i := range 60 {
		p.to(w, time.Duration(i)*second)
		p.write("whole.json", Whole)
		p.write("mute.bin", Mute)
		p.write("part.json", Part)
	}
	p.to(w, 59*second)
	if n := len(p.saves); n < 2 || n > 3 {
		t.Fatalf("%d saves: %v", n, p.saves)
	}
	for _, s := range p.saves {
		if s.paths != "whole.json" {
			t.Errorf("saved %s after %v", s.paths, s.at)
		}
	}
	p.to(w, 70*second)
	for path, f := range p.files {
		if (f.saved == f.stat) != (path != "part.json") {
			t.Errorf("at rest, %s is saved: %v", path, f.saved == f.stat)
		}
	}
}

func TestOpenForWriting(t *testing.T) {
	p, w := newFake(t, Options{})
	p.to(w, 1*second)
	p.write("a.json", Whole)
	p.write("b.bin", Mute)
	p.writers["a.json"], p.writers["b.bin"] = true, true
	p.to(w, 10*second)
	p.saved()
	p.writers["a.json"] = false
	p.to(w, 13*second)
	p.saved("11s a.json")
	p.to(w, time.Minute) // it is never closed, and has been at rest for long
	p.saved("11s a.json", "21s b.bin")
}

func TestOverflow(t *testing.T) {
	p, w := newFake(t, Options{})
	p.to(w, 1*second)
	p.deaf = true
	p.write("a.json", Whole)
	p.deaf, p.all = false, true
	p.to(w, 10*second)
	p.saved("3s a.json")
}

func TestDirectoriesComeAndGo(t *testing.T) {
	p, w := newFake(t, Options{})
	p.to(w, 1*second)
	p.deaf = true
	p.write("run/deep/a.json", Whole)
	p.deaf = false
	p.touch("run")
	p.to(w, 2*second)
	if !p.dirs["run/deep"] {
		t.Fatal("the new directory is not watched")
	}
	f := p.files["run/deep/a.json"]
	p.remove("run/deep/a.json")
	clear(p.changed)
	p.touch("run") // moved away before it has settled
	p.to(w, 10*second)
	p.saved()
	p.files["run/deep/a.json"] = f // and back
	p.touch("run")
	p.to(w, 20*second)
	p.saved("12s run/deep/a.json")
}

// A file that is not to be saved costs one look, however often it changes.
func TestPassesOver(t *testing.T) {
	p, w := newFake(t, Options{})
	for i := range 10 {
		p.to(w, time.Duration(i)*second)
		p.write("training.ignored", Mute)
	}
	p.to(w, time.Minute)
	p.saved()
	if want := []string{"", "training.ignored"}; !slices.Equal(p.scans, want) {
		t.Errorf("scanned %q, want %q", p.scans, want)
	}
	p.touch("sub/.ignore") // other files may be watched now
	p.to(w, 2*time.Minute)
	if p.scans[len(p.scans)-1] != "" {
		t.Errorf("scanned %q", p.scans)
	}
}

func TestFailuresAreTriedAgain(t *testing.T) {
	p, w := newFake(t, Options{})
	var tries []time.Duration
	p.saveErr = func([]string) error {
		if tries = append(tries, p.now.Sub(start)); len(tries) < 5 {
			return errors.New("no space left")
		}
		return nil
	}
	p.to(w, 1*second)
	p.write("a.json", Whole)
	p.to(w, 5*time.Minute)
	if want := []time.Duration{3 * second, 4 * second, 6 * second, 10 * second, 18 * second}; !slices.Equal(tries, want) {
		t.Errorf("tried at %v, want %v", tries, want)
	}
	p.saved("18s a.json")
	p.saidThat("no space left; it is tried again", "it works again")
}

func TestScanFailuresAreTriedAgain(t *testing.T) {
	p, w := newFake(t, Options{Initial: true})
	p.write("a.json", Whole)
	p.scanErr = errors.New("input/output error")
	p.to(w, 30*second)
	p.scanErr = nil
	p.to(w, 2*time.Minute)
	p.saidThat("input/output error", "it works again")
	if len(p.saves) != 1 {
		t.Errorf("saved %v", p.saves)
	}
}

func TestOneIsRefused(t *testing.T) {
	p, w := newFake(t, Options{})
	p.saveErr = func(paths []string) error {
		if slices.Contains(paths, "bad.json") {
			return fmt.Errorf("%w: bad.json is not valid", ErrRefused)
		}
		return nil
	}
	p.to(w, 1*second)
	for _, path := range []string{"a.json", "bad.json", "c.json"} {
		p.write(path, Whole)
	}
	p.to(w, time.Minute)
	p.saved("3s a.json", "3s c.json")
	p.saidThat("bad.json is not valid")
	p.saveErr = nil
	p.write("bad.json", Whole)
	p.to(w, 2*time.Minute)
	p.saved("3s a.json", "3s c.json", "1m2s bad.json")
}

func TestOneKeepsChanging(t *testing.T) {
	p, w := newFake(t, Options{})
	p.saveErr = func(paths []string) error {
		if slices.Contains(paths, "b.json") && p.now.Before(start.Add(10*second)) {
			return ErrChanging
		}
		return nil
	}
	p.to(w, 1*second)
	p.write("a.json", Whole)
	p.write("b.json", Whole)
	p.to(w, time.Minute)
	p.saved("3s a.json", "11s b.json")
	p.saidThat()
}

func TestFatalEndsIt(t *testing.T) {
	p, w := newFake(t, Options{Initial: true})
	p.write("a.json", Whole)
	p.saveErr = func([]string) error { return fmt.Errorf("the store is gone: %w", ErrFatal) }
	if err := p.step(w); err != nil {
		t.Fatal(err)
	}
	p.now = p.now.Add(5 * second)
	if err := p.step(w); !errors.Is(err, ErrFatal) {
		t.Fatal(err)
	}
}

func TestOnce(t *testing.T) {
	p, w := newFake(t, Options{Initial: true, Once: true})
	p.write("a.json", Whole)
	for i := range 3 {
		done, err := w.Step(t.Context(), start.Add(time.Duration(i)*second))
		if err != nil || done != (i == 2) {
			t.Fatalf("after %d s: %v %v", i, done, err)
		}
	}
}

func TestFinish(t *testing.T) {
	p, w := newFake(t, Options{Every: time.Hour})
	p.to(w, 1*second)
	p.write("a.json", Whole)
	p.to(w, 10*second)
	p.write("a.json", Whole) // in the span
	p.write("settled.bin", Mute)
	p.write("cut.json", Part)
	p.to(w, 20*second)
	p.write("whole.json", Whole) // the last moment
	p.write("open.json", Whole)
	p.write("mute.bin", Mute)
	p.write("part.json", Part)
	p.writers["open.json"] = true
	p.deaf = true
	p.write("untold.json", Whole)
	if unsettled, err := w.unsettled(t.Context(), p.now); !unsettled || err != nil {
		t.Errorf("unsettled: %v, %v", unsettled, err)
	}
	if err := w.Finish(t.Context(), p.now.Add(second)); err != nil {
		t.Fatal(err)
	}
	p.saved("3s a.json", "20s a.json open.json settled.bin untold.json whole.json")
	p.saidThat("cut.json is not saved: it is cut off", "mute.bin is not saved: it is still being written", "part.json is not saved: it is cut off")
}

func TestTheLastSaveFails(t *testing.T) {
	p, w := newFake(t, Options{})
	p.to(w, 1*second)
	p.write("a.json", Whole)
	full := errors.New("no space left")
	p.saveErr = func([]string) error { return full }
	if err := w.Finish(t.Context(), p.now); !errors.Is(err, full) {
		t.Fatal(err)
	}
	p.saidThat()
}

// Whatever programs do to files, in whatever order: nothing is saved that is cut off, or
// that is mute and not at rest; no two saves are closer than the span; and when all is
// quiet the newest content of every file that is not cut off is saved.
func TestSavesWhatIsRight(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		every := time.Duration(rapid.IntRange(0, 30).Draw(rt, "every")) * second
		p, w := newFake(t, Options{Every: every, Scan: 10 * second, Poll: 10 * second})
		p.to(w, 0)
		last := map[string]time.Time{}
		p.saveErr = func(paths []string) error {
			for _, path := range paths {
				f := p.files[path]
				if f.state == Part || f.state == Mute && p.now.Sub(last[path]) < 2*second {
					rt.Fatalf("%s is saved, state %d, %v after its last change", path, f.state, p.now.Sub(last[path]))
				}
			}
			if n := len(p.saves); n > 0 && p.now.Sub(start)-p.saves[n-1].at < every {
				rt.Fatalf("saves at %v and %v", p.saves[n-1].at, p.now.Sub(start))
			}
			return nil
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			path := rapid.SampledFrom([]string{"a", "b", "dir/c", "dir/d"}).Draw(rt, "path")
			p.deaf = rapid.IntRange(0, 9).Draw(rt, "deaf") == 0
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				p.remove(path)
			case 1:
				p.touch(strings.TrimSuffix(path, "/c"))
			case 2:
				p.all = true
			default:
				p.write(path, rapid.SampledFrom([]State{Whole, Part, Mute}).Draw(rt, "state"))
				last[path] = p.now
			}
			p.to(w, p.now.Sub(start)+time.Duration(rapid.IntRange(0, 5000).Draw(rt, "ms"))*time.Millisecond)
		}
		p.to(w, p.now.Sub(start)+10*time.Minute)
		for path, f := range p.files {
			if (f.saved == f.stat) != (f.state != Part) {
				rt.Fatalf("%s: state %d, saved %v", path, f.state, f.saved == f.stat)
			}
		}
	})
}

func TestIsTemporary(t *testing.T) {
	for name, want := range map[string]bool{
		"model.json": false, "model_temp_0.7.json": false, "template.json": false, "part1.json": false, "lock.json": false, "tmp": false,
		".model.json.swp": true, "model.json.tmp": true, "model.json.tmp-12": true, "model.json.tmp.12": true, "model.json~": true, "#model#": true,
		"step_7.orbax-checkpoint-tmp-1699": true, "a.safetensors.incomplete": true, "a.lock": true,
	} {
		if IsTemporary(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
