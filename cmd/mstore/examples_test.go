package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestExamples: whatever help texts and documents tell a user to type is understood, its
// command, flags and number of arguments.
func TestExamples(t *testing.T) {
	var walk func(cmd *cobra.Command)
	n := 0
	walk = func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			n += understood(t, "help of "+cmd.CommandPath(), line)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRootCommand(newApp(nil, &bytes.Buffer{}, &bytes.Buffer{}, os.Getenv)))
	docs, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(docs, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fenced := false
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			if fenced || strings.HasPrefix(line, "    ") {
				n += understood(t, filepath.Base(file), line)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d examples were found", n)
	}
}

var (
	word         = regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"])+`)
	substitution = regexp.MustCompile(`\$\([^()]*\)`)
)

// understood checks the commands of mstore in a line of shell, and returns their number.
func understood(t *testing.T, where, line string) (n int) {
	t.Helper()
	var words []string
	var lines [][]string
	end := func() { lines, words = append(lines, words), nil }
	quoted := strings.NewReplacer("'", "", `"`, "", "[", "", "]", "")
	for _, w := range word.FindAllString(substitution.ReplaceAllString(line, "X"), -1) {
		switch {
		case w == "|" || w == "&&" || w == "||" || w == ";" || w == "$":
			end()
		case strings.HasPrefix(w, "#") || w == "<" || strings.HasPrefix(w, ">") || strings.HasPrefix(w, "2>"):
			words = append(words, "\x00") // nothing after it is an argument
		default:
			words = append(words, quoted.Replace(w))
		}
	}
	end()
	for _, words := range lines {
		if len(words) < 2 || words[0] != "mstore" {
			continue
		}
		args := words[1:]
		for i, w := range args {
			if w == "\x00" {
				args = args[:i]
				break
			}
		}
		n++
		root := newRootCommand(newApp(nil, &bytes.Buffer{}, &bytes.Buffer{}, os.Getenv))
		cmd, rest, err := root.Find(args)
		if err == nil && !cmd.DisableFlagParsing {
			if err = cmd.ParseFlags(rest); err == nil {
				err = cmd.ValidateArgs(cmd.Flags().Args())
			}
		}
		if err != nil {
			t.Errorf("%s: %s: %v", where, strings.TrimSpace(line), err)
		}
	}
	return n
}
