package refs

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mstore/mstore/journal"
)

// ErrBadName: a name that a branch, tag or alias cannot have.
var ErrBadName = errors.New("not a valid name")

// isVersionNumber tells whether s is v and digits.
func isVersionNumber(s string) bool {
	return len(s) > 1 && (s[0] == 'v' || s[0] == 'V') && strings.Trim(s[1:], "0123456789") == ""
}

// isHex tells whether s can be an ID or the beginning of one.
func isHex(s string) bool {
	return len(s) >= 4 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// CheckName tells why a name cannot be given to a branch, tag or alias. The
// error wraps ErrBadName.
func CheckName(name string) error {
	why := ""
	switch {
	case name == "":
		why = "it is empty"
	case len(name) > 200:
		why = "it is longer than 200 bytes"
	case !utf8.ValidString(name):
		why = "it is not UTF-8"
	case strings.ContainsAny(name, "@:~^\\{}"):
		why = `it holds one of @ : ~ ^ \ { }`
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		why = "it holds a space or a control character"
	case name[0] == '-' || name[0] == '.':
		why = "it begins with - or ."
	case strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.Contains(name, "//"):
		why = "it has an empty part between slashes"
	case strings.EqualFold(name, "HEAD"):
		why = "HEAD is the current version"
	case isVersionNumber(name):
		why = "it looks like a version number"
	case isHex(name):
		why = "it looks like an ID"
	case strings.HasPrefix(strings.ToLower(name), "safety/") || strings.HasPrefix(strings.ToLower(name), "quarantine/") || strings.HasPrefix(strings.ToLower(name), journal.Incoming):
		why = "names there are made by mstore"
	}
	if why != "" {
		return fmt.Errorf("%q: %w: %s", name, ErrBadName, why)
	}
	return nil
}
