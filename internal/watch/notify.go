package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// maxChanged bounds how many changed paths are remembered one by one.
const maxChanged = 20_000

// Notifier is the operating system as a Source, for directories below one root. Close it.
type Notifier struct {
	root  string
	w     *fsnotify.Watcher
	ready chan struct{}
	done  chan struct{}

	mu      sync.Mutex
	changed map[string]bool
	all     bool
}

// NewNotifier returns a source of changes below root, an absolute path.
func NewNotifier(root string) (*Notifier, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("asking to be told of changes: %w", err)
	}
	n := &Notifier{root: root, w: w, ready: make(chan struct{}, 1), done: make(chan struct{}), changed: map[string]bool{}}
	go n.gather()
	return n, nil
}

// Close ends the source.
func (n *Notifier) Close() error {
	err := n.w.Close()
	<-n.done
	return err
}

// Watch implements Source. A directory that is not there any more is no error.
func (n *Notifier) Watch(dir string) error {
	err := n.w.Add(filepath.Join(n.root, filepath.FromSlash(dir)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Ready implements Source.
func (n *Notifier) Ready() <-chan struct{} { return n.ready }

// Take implements Source.
func (n *Notifier) Take() (changed []string, all bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for p := range n.changed {
		changed = append(changed, p)
	}
	all = n.all
	clear(n.changed)
	n.all = false
	return changed, all
}

// While nothing is read the system joins changes of the same file into one, which halves
// and more what a program that writes in small pieces costs: so after what there is has
// been read, for lull long nothing is.
const (
	drained = 200 * time.Microsecond
	lull    = 20 * time.Millisecond
)

func (n *Notifier) gather() {
	defer close(n.done)
	quiet := time.NewTimer(drained)
	defer quiet.Stop()
	for {
		if !n.receive(nil) {
			return
		}
		for more := true; more; {
			quiet.Reset(drained)
			more = n.receive(quiet.C)
		}
		time.Sleep(lull)
	}
}

// receive takes one event; false when stop comes first, or the source is closed.
func (n *Notifier) receive(stop <-chan time.Time) bool {
	select {
	case e, ok := <-n.w.Events:
		if ok && e.Op != fsnotify.Chmod {
			n.note(e.Name)
		}
		return ok
	case _, ok := <-n.w.Errors: // an overflow, or worse: look at everything
		if ok {
			n.note("")
		}
		return ok
	case <-stop:
		return false
	}
}

// note remembers an absolute path; "" stands for all.
func (n *Notifier) note(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	rel, err := filepath.Rel(n.root, name)
	if name == "" || err != nil || !filepath.IsLocal(rel) || len(n.changed) >= maxChanged {
		n.all = true
	} else {
		n.changed[filepath.ToSlash(rel)] = true
	}
	select {
	case n.ready <- struct{}{}:
	default:
	}
}
