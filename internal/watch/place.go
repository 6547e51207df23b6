package watch

import (
	"context"
	"errors"
)

// State is what the content of a file says of itself.
type State uint8

// The states.
const (
	Same  State = iota // it is saved already
	Whole              // complete, by its own structure
	Part               // cut off, not well-formed, empty, or not readable
	Mute               // nothing in it tells
)

// Judgement is what was found in a file.
type Judgement struct {
	State State
	Why   string // of Part
}

// What a Place may answer to Save; any other error is one that may go by itself.
var (
	// ErrRefused: these files are not to be saved as they are.
	ErrRefused = errors.New("refused")
	// ErrChanging: a file changed while it was saved. Nothing was.
	ErrChanging = errors.New("changing")
	// ErrFatal: there is no use in trying again. Scan and Judge may answer so, too.
	ErrFatal = errors.New("fatal")
)

// Place is where files are, and where they are saved. Paths are slash-separated and
// relative to one root.
type Place interface {
	// Scan tells of the files that are watched, and before what is in them of the
	// directories in which changes matter. At "" it is all of them, else those that lie at
	// or below a path, or are named below it.
	Scan(ctx context.Context, at string, dir func(path string), file func(path string, st Stat)) error
	// Stat looks at a path. Of what is neither a file nor a directory it says that it is
	// not there.
	Stat(path string) (st Stat, isDir, there bool)
	// Writers tells which files some other process has open for writing, as far as the
	// system says.
	Writers(paths []string) map[string]bool
	// Judge reads files, and answers in the order of paths.
	Judge(ctx context.Context, paths []string) ([]Judgement, error)
	// Save saves files together; made is false when nothing had changed.
	Save(ctx context.Context, paths []string) (made bool, err error)
}

// Source tells of changes in directories, not below them.
type Source interface {
	// Watch adds a directory; one that is watched already is watched anew.
	Watch(dir string) error
	// Ready has something to receive when Take has something to tell.
	Ready() <-chan struct{}
	// Take returns the paths that something happened to since the last Take; all says
	// that others may be missing.
	Take() (changed []string, all bool)
}
