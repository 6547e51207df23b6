package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// release is the release that this source leads to.
const release = "0.1.0"

// revision is the commit that was built, as the Makefile tells it.
var revision string

func newVersionCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of mstore",
		Long: `Print the version of mstore and what it was built from.

With --json: version, commit, modified, go, os, arch.

Exit codes: 0 done; 2 wrong usage.`,
		Example: `  mstore version
  mstore version --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runVersion(a, versionOptions{json: a.json}) },
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

type versionOptions struct{ json bool }

type buildDoc struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`   // empty when not known
	Modified bool   `json:"modified"` // built from a changed tree
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

func runVersion(a *app, o versionOptions) error {
	d := buildDoc{Version: release, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				d.Commit = s.Value
			case "vcs.modified":
				d.Modified = s.Value == "true"
			}
		}
	}
	if d.Commit == "" {
		d.Commit, d.Modified = strings.CutSuffix(revision, "-dirty")
	}
	if o.json {
		return writeJSON(a.out, d)
	}
	fmt.Fprintf(a.out, "mstore %s", d.Version)
	if d.Commit != "" {
		fmt.Fprintf(a.out, " (%.10s", d.Commit)
		if d.Modified {
			a.out.WriteString(", modified")
		}
		a.out.WriteByte(')')
	}
	fmt.Fprintf(a.out, " %s %s/%s\n", d.Go, d.OS, d.Arch)
	return a.out.failed()
}
