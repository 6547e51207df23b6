package watch

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Writers tells which of these files, absolute paths without symlinks, other processes
// have open for writing, from /proc: those of the same user, and with the privilege to
// look, of all.
func Writers(files []string) map[string]bool {
	wanted := make(map[string]bool, len(files))
	for _, f := range files {
		wanted[f] = true
	}
	open := map[string]bool{}
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return open
	}
	self := strconv.Itoa(os.Getpid())
	for _, p := range procs {
		if name := p.Name(); name[0] < '0' || name[0] > '9' || name == self {
			continue
		}
		dir := filepath.Join("/proc", p.Name(), "fd")
		fds, err := os.ReadDir(dir)
		if err != nil { // another user's, or gone
			continue
		}
		for _, fd := range fds {
			target, err := os.Readlink(filepath.Join(dir, fd.Name()))
			if err == nil && wanted[target] && !open[target] && forWriting(p.Name(), fd.Name()) {
				open[target] = true
			}
		}
	}
	return open
}

// forWriting reads the flags of an open file from its fdinfo.
func forWriting(pid, fd string) bool {
	f, err := os.Open(filepath.Join("/proc", pid, "fdinfo", fd))
	if err != nil {
		return false
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if text, ok := strings.CutPrefix(in.Text(), "flags:"); ok {
			flags, err := strconv.ParseUint(strings.TrimSpace(text), 8, 64)
			return err == nil && flags&syscall.O_ACCMODE != syscall.O_RDONLY
		}
	}
	return false
}
