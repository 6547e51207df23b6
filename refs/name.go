package refs

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrBadName: a name that a branch, tag or alias cannot have.
var ErrBadName = errors.New("not a valid name")

var (
	versionNumber = regexp.MustCompile(`^[vV][0-9]+$`)
	hexDigits     = regexp.MustCompile(`^[0-9a-fA-F]{4,}$`)
)

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
	case versionNumber.MatchString(name):
		why = "it looks like a version number"
	case hexDigits.MatchString(name):
		why = "it looks like an ID"
	case strings.HasPrefix(strings.ToLower(name), "safety/") || strings.HasPrefix(strings.ToLower(name), "quarantine/"):
		why = "names there are made by mstore"
	}
	if why != "" {
		return fmt.Errorf("%q: %w: %s", name, ErrBadName, why)
	}
	return nil
}
