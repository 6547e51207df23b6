package main

import (
	"bytes"
	"os/exec"
	"slices"
)

// peer is a program that can save a directory of models.
type peer struct {
	name, version string
	open          func(b *bench, models string) *system
}

// system is a peer that keeps one directory of models. Its commands are
// measured together where there are several.
type system struct {
	name    string
	repo    string // directory that grows, and the part of it that does not count
	skip    string
	init    []command
	save    func(path string) []command                  // "." for everything
	fast    func(path string) []command                  // the same in less time for more space; nil: has none
	restore func(out string) []command                   // the last save, into a new directory
	check   []command                                    // reads and verifies everything
	gc      []command                                    // takes less space for the same; nil: has none
	read    func(path string, save, saves int) []command // a model as it was at a save (from 1), to stdout; nil: keeps no history
	at      func(out string, save, saves int) []command  // everything as it was at a save, into a new directory; nil like read
	small   func() (log, show, help command)             // nil: has none
	logPath func(path string) command                    // nil: has none
}

func (s *system) stored() (int64, error) { return diskSize(s.repo, s.skip) }

// every peer that this program knows, mstore first.
var known = []struct {
	name  string
	needs []string // must run, or the peer is missing; the first line is its version
	open  func(b *bench, models string) *system
}{
	{"git", []string{"git", "--version"}, openGit},
	{"git-lfs", []string{"git-lfs", "version"}, openLFS},
	{"restic", []string{"restic", "version"}, openRestic},
	{"borg", []string{"borg", "--version"}, openBorg},
	{"zstd", []string{"zstd", "--version"}, openZstd},
}

// findPeers fills b.peers with mstore and with those wanted that are installed.
func (b *bench) findPeers(want []string) {
	b.peers = []peer{{"mstore", b.versionOf(b.mstore, "version"), openMstore}}
	for _, k := range known {
		for _, w := range want {
			if w != k.name {
				continue
			}
			if v := b.versionOf(k.needs...); v != "" {
				b.peers = append(b.peers, peer{k.name, v, k.open})
			} else {
				b.missing = append(b.missing, k.name)
				b.logf("%s is not installed: skipped", k.name)
			}
		}
	}
}

// has tells whether a program takes part.
func (b *bench) has(name string) bool {
	return slices.ContainsFunc(b.peers, func(p peer) bool { return p.name == name })
}

// versionOf is the first line that a command prints; "" if it does not run.
func (b *bench) versionOf(argv ...string) string {
	if _, err := exec.LookPath(argv[0]); err != nil {
		return ""
	}
	var out bytes.Buffer
	if _, err := b.exec(command{argv: argv, stdout: &out}); err != nil {
		return ""
	}
	return firstLine(out.String())
}
