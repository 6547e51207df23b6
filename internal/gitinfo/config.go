package gitinfo

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	format "github.com/go-git/go-git/v5/plumbing/format/config"
)

// config is what the repository's configuration says that matters here.
type config struct {
	bare         bool
	worktree     string
	fileMode     bool // the executable bit on disk means something
	symlinks     bool // links on disk are links, not files that hold the target
	objectFormat string
	refStorage   string
}

const maxConfig = 4 << 20

// readConfig reads the repository's own configuration, and the work tree's if
// it has one.
func readConfig(gitDir, common string) (config, error) {
	c := config{fileMode: runtime.GOOS != "windows", symlinks: true}
	raw := format.New()
	if err := decodeConfig(filepath.Join(common, "config"), raw); err != nil {
		return c, err
	}
	ext := raw.Section("extensions")
	if isTrue(ext.Option("worktreeConfig"), false) {
		if err := decodeConfig(filepath.Join(gitDir, "config.worktree"), raw); err != nil {
			return c, err
		}
	}
	core := raw.Section("core")
	c.bare = isTrue(core.Option("bare"), false)
	c.worktree = core.Option("worktree")
	c.fileMode = isTrue(core.Option("fileMode"), c.fileMode)
	c.symlinks = isTrue(core.Option("symlinks"), c.symlinks)
	c.objectFormat = strings.ToLower(ext.Option("objectFormat"))
	c.refStorage = strings.ToLower(ext.Option("refStorage"))
	if v := core.Option("repositoryFormatVersion"); v != "" && v != "0" && v != "1" {
		return c, fmt.Errorf("repository format %q: %w", v, errors.ErrUnsupported)
	}
	return c, nil
}

// decodeConfig adds what the file says; a file that does not exist says nothing.
func decodeConfig(name string, raw *format.Config) error {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	err = guard(func() error {
		return format.NewDecoder(io.LimitReader(f, maxConfig)).Decode(raw)
	})
	if err != nil {
		return fmt.Errorf("reading %q: %w", name, err)
	}
	return nil
}

func isTrue(v string, unset bool) bool {
	switch strings.ToLower(v) {
	case "true", "yes", "on", "1":
		return true
	case "false", "no", "off", "0":
		return false
	}
	return unset
}

// guard turns a panic in the library into an error: what it decodes is whatever
// lies on the disk, and a broken repository must not end the caller's program.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed: %v", p)
		}
	}()
	return f()
}
