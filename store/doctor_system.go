package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/mstore/mstore/internal/vfs"
)

// fsFacts is what the system knows of a file system; zero is not known.
type fsFacts struct {
	free, total           uint64 // bytes; free for this user
	filesFree, filesTotal uint64
	kind                  string // "ext4", "nfs"; "" unless it matters or is known by name
}

const (
	spaceGone   = 100e6 // bytes free from which on saves fail
	spacePart   = 10    // less than this part is little,
	spacePlenty = 100e9 // unless it is this much
	spaceRepack = 1e9   // and a repack needs this beside twice the largest pack
	filesFew    = 1000

	clockSlack = 5 * time.Minute
)

// knownFacts is d.facts; known is false where nobody can tell.
func (d *doctor) knownFacts() (f fsFacts, known bool, err error) {
	f, err = d.facts(d.s.dir)
	if errors.Is(err, errors.ErrUnsupported) {
		return f, false, nil
	}
	return f, err == nil, err
}

// space tells whether there is room for the next saves, and for a repack.
func (d *doctor) space(context.Context) (Check, error) {
	f, known, err := d.knownFacts()
	if err != nil {
		return Check{}, err
	}
	if !known || f.total == 0 {
		return fine("how much is free is not known here"), nil
	}
	var largest int64
	for _, p := range d.live {
		largest = max(largest, p.Size)
	}
	free := float64(f.free)
	repack := 2*float64(largest) + spaceRepack
	detail := fmt.Sprintf("%s of %s free (%.0f%%)", byteCount(int64(f.free)), byteCount(int64(f.total)), 100*free/float64(f.total))
	switch {
	case free < spaceGone:
		return failed("mstore gc", "%s: saves will soon fail, and so may gc", detail), nil
	case free < repack:
		return warning("mstore gc", "%s: less than the %s that gc may need", detail, byteCount(int64(repack))), nil
	case f.free < f.total/spacePart && free < spacePlenty:
		return warning("mstore gc", "%s", detail), nil
	case f.filesTotal > 0 && f.filesFree < filesFew:
		return warning("mstore gc", "%s, but room for %d more files only", detail, f.filesFree), nil
	}
	return fine("%s", detail), nil
}

// clock tells whether this machine's time can be right.
func (d *doctor) clock(context.Context) (Check, error) {
	if c, yes := d.skewed(); yes {
		return c, nil
	}
	switch {
	case d.now.Year() < 2020:
		return warning("", "this machine believes that it is %s: set its clock", minute(d.now)), nil
	case d.sn != nil && d.sn.st.Time.Sub(d.now) > clockSlack:
		return warning("", "the newest entry of the journal is of %s, and here it is %s: one machine's clock is wrong, or 'commit --date' named a time to come", minute(d.sn.st.Time), minute(d.now)), nil
	}
	return fine("it is %s", minute(d.now)), nil
}

// permissions tells whether this process can write to the store, and whether
// everybody can.
func (d *doctor) permissions(ctx context.Context) (Check, error) {
	if d.fs != nil {
		if fi, err := d.fs.Stat("objects"); notExist(err) || err == nil && !fi.IsDir() {
			return failed("mstore fsck --repair", "the directory of the packs, objects, is missing"), nil
		}
	}
	for _, dir := range []string{"journal", "objects", "parity"} {
		if err := d.probe(ctx, dir); err != nil {
			if errors.Is(err, ErrReadOnly) && !errors.Is(err, syscall.EROFS) {
				return warning("", "this process cannot write to the store, only read it: %v", err), nil
			}
			return failed("", "the store cannot be written to: %v", err), nil
		}
	}
	if err := d.probeWork(); err != nil {
		return warning("", "the store can be written to, but not the workspace, which remembers the current branch: %v", err), nil
	}
	if dir := d.worldWritable(); dir != "" {
		return warning("chmod o-w "+quoted(filepath.Join(d.s.dir, filepath.FromSlash(dir))), "everybody on this machine can change what is in the store"), nil
	}
	return fine("this process can read and write the store"), nil
}

// probe makes a temporary file in a directory of the store and removes it.
func (d *doctor) probe(ctx context.Context, dir string) error {
	if d.fs != nil {
		if _, err := d.fs.Stat(dir); err != nil { // to write there would make it
			return nil
		}
	}
	w, err := d.s.b.Create(ctx, dir+"/probe")
	if err == nil {
		err = w.Abort()
	}
	return classify(err)
}

func (d *doctor) probeWork() error {
	if _, err := d.s.root.Stat(workDir); err != nil {
		return nil
	}
	name := path.Join(workDir, vfs.TempName())
	f, err := d.s.root.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), d.s.root.Remove(name))
}

// worldWritable names a directory of the store that everybody may write to; "" for
// none. On Windows the mode bits say nothing.
func (d *doctor) worldWritable() string {
	if d.fs == nil || runtime.GOOS == "windows" {
		return ""
	}
	for _, dir := range []string{".", "journal", "objects", "parity"} {
		if fi, err := d.fs.Stat(dir); err == nil && fi.Mode().Perm()&0o002 != 0 {
			return dir
		}
	}
	return ""
}

// remoteFS and memoryFS are the names of kinds of file systems, as the platform files
// give them.
var (
	remoteFS = map[string]bool{"nfs": true, "cifs": true, "smb": true, "smb2": true, "smbfs": true, "afpfs": true, "webdav": true,
		"9p": true, "p9fs": true, "afs": true, "ceph": true, "coda": true, "network drive": true}
	memoryFS = map[string]bool{"tmpfs": true, "ramfs": true, "RAM disk": true}
)

// filesystem tells whether the store lies on one that keeps what it promises.
func (d *doctor) filesystem(context.Context) (Check, error) {
	f, known, err := d.knownFacts()
	if err != nil {
		return Check{}, err
	}
	switch {
	case !known || f.kind == "":
		return fine("nothing is known against it"), nil
	case memoryFS[f.kind]:
		return warning("", "the store lies in memory (%s): a restart loses all of it", f.kind), nil
	case strings.Contains(f.kind, "fuse"):
		return warning("", "the store lies on a FUSE file system (%s), such as sshfs: hard links may be missing, and what was synced may not be on a disk; commit from one machine at a time, and run 'mstore fsck' after a crash", f.kind), nil
	case remoteFS[f.kind]:
		return warning("", "the store lies on a network file system (%s): two machines may both believe that they were first, and what was synced may not be on a disk; commit from one machine at a time, and run 'mstore fsck' after a crash", f.kind), nil
	}
	return fine("%s", f.kind), nil
}
