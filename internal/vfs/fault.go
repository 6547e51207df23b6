package vfs

import (
	"io"
	"slices"
	"sync"
)

// The kinds of operation that a Fault counts.
const (
	OpOpen     = "open"
	OpCreate   = "create"
	OpMkdir    = "mkdir"
	OpMkdirAll = "mkdirall"
	OpLink     = "link"
	OpRename   = "rename"
	OpRemove   = "remove"
	OpReadDir  = "readdir"
	OpLstat    = "lstat"
	OpStat     = "stat" // of FS and of File
	OpSyncDir  = "syncdir"
	OpRead     = "read" // Read and ReadAt
	OpWrite    = "write"
	OpSync     = "sync"
	OpClose    = "close"
)

// Op is one operation that went through a Fault.
type Op struct {
	N    int    // its number, from 0
	Kind string // one of the Op constants
	Name string // the file or directory; of a link or rename the new name
	From string // of a link or rename the old name
	Err  error  // what was injected, nil when the operation went through
}

// Fault passes operations on to another FS, counts and lists them, and fails
// the ones it is told to. The numbers of the rules are those of Op.N: set them
// after NewFault or Reset and before the code under test runs. Of several rules
// for one operation the first that was set counts. It may be used concurrently;
// then the numbers fall as the operations happen to come.
type Fault struct {
	fs    FS
	mu    sync.Mutex
	ops   []Op
	rules []faultRule
	onOp  func(Op) error
}

type faultRule struct {
	from, to int // to is excluded, negative is for ever
	err      error
	after    bool // the operation takes effect all the same
	short    int  // bytes of a read or write that do, negative: no such rule
}

// NewFault returns a Fault over fsys, without rules.
func NewFault(fsys FS) *Fault { return &Fault{fs: fsys} }

// FailAt makes operation k fail with err, without effect. A file is closed even
// by a close that fails.
func (f *Fault) FailAt(k int, err error) { f.rule(faultRule{k, k + 1, err, false, -1}) }

// FailFrom makes operation k and all after it fail with err, without effect.
func (f *Fault) FailFrom(k int, err error) { f.rule(faultRule{k, -1, err, false, -1}) }

// FailAfter makes operation k take effect and then report err.
func (f *Fault) FailAfter(k int, err error) { f.rule(faultRule{k, k + 1, err, true, -1}) }

// CrashAt plays the death of the process: operation k and all after it fail
// with ErrCrashed, without effect. What the next process finds, ProcessCrash
// and CrashClone of the Mem below tell.
func (f *Fault) CrashAt(k int) { f.FailFrom(k, ErrCrashed) }

// ShortAt makes operation k, if it is a read or a write, move at most n bytes
// and then report err; with a nil err a short Read is an ordinary one, a short
// ReadAt is io.ErrUnexpectedEOF and a short Write io.ErrShortWrite. Other kinds
// of operation are not hurt.
func (f *Fault) ShortAt(k, n int, err error) { f.rule(faultRule{k, k + 1, err, false, n}) }

// OnOp sets a function that is called before every operation that no rule
// fails, nil for none. An error from it fails the operation, without effect. It
// may block, and it is called concurrently if the FS is.
func (f *Fault) OnOp(hook func(op Op) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onOp = hook
}

// Reset forgets operations, rules and the function of OnOp, and counts from 0.
func (f *Fault) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops, f.rules, f.onOp = nil, nil, nil
}

// Count returns how many operations there were: the number of the next.
func (f *Fault) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ops)
}

// Ops returns the operations so far; the caller owns the slice.
func (f *Fault) Ops() []Op {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ops)
}

// Synced returns the names of the files and directories that were synced, in
// order, those left out whose sync was made to fail.
func (f *Fault) Synced() []string {
	var names []string
	for _, op := range f.Ops() {
		if op.Err == nil && (op.Kind == OpSync || op.Kind == OpSyncDir) {
			names = append(names, op.Name)
		}
	}
	return names
}

func (f *Fault) rule(r faultRule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, r)
}

// begin counts an operation and finds its rule; a rule with an error and
// without after means that the operation is not to be done.
func (f *Fault) begin(kind, from, name string) faultRule {
	f.mu.Lock()
	op := Op{N: len(f.ops), Kind: kind, Name: name, From: from}
	hit := faultRule{short: -1}
	for _, r := range f.rules {
		if r.from > op.N || r.to >= 0 && op.N >= r.to {
			continue
		}
		if r.short < 0 || kind == OpRead || kind == OpWrite {
			hit = r
			break
		}
	}
	op.Err = hit.err
	f.ops = append(f.ops, op)
	hook := f.onOp
	f.mu.Unlock()

	if hook != nil && hit.err == nil {
		if err := hook(op); err != nil {
			hit = faultRule{err: err, short: -1}
			f.mu.Lock()
			if op.N < len(f.ops) {
				f.ops[op.N].Err = err
			}
			f.mu.Unlock()
		}
	}
	return hit
}

func (f *Fault) do(kind, from, name string, run func() error) error {
	hit := f.begin(kind, from, name)
	if hit.err != nil && !hit.after {
		return pathError(kind, name, hit.err)
	}
	if err := run(); err != nil {
		return err
	}
	if hit.err != nil {
		return pathError(kind, name, hit.err)
	}
	return nil
}

// transfer is do for a read or a write of p; short is the error of a transfer
// that was cut without one.
func (f *Fault) transfer(kind, name string, p []byte, short error, run func(p []byte) (int, error)) (int, error) {
	hit := f.begin(kind, "", name)
	if hit.short >= 0 && hit.short < len(p) {
		p = p[:hit.short]
		if hit.err == nil {
			hit.err = short
		}
	} else if hit.err != nil && !hit.after && hit.short < 0 {
		return 0, pathError(kind, name, hit.err)
	}
	n, err := run(p)
	if hit.err != nil && (err == nil || err == io.EOF) {
		err = pathError(kind, name, hit.err)
	}
	return n, err
}
