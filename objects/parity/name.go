package parity

import (
	"encoding/hex"
	"errors"
	"strings"
)

// Prefix is the prefix of the keys of all parity files.
const Prefix = "parity/"

const suffix = ".par"

var (
	// ErrCorrupt: a parity file is not what its checksums say.
	ErrCorrupt = errors.New("parity file is corrupt")
	// ErrFormat: a parity file of a newer format.
	ErrFormat = errors.New("parity file has a newer format")
	// ErrTooDamaged: more shards are damaged than there is parity for.
	ErrTooDamaged = errors.New("more is damaged than the parity file can rebuild")
	// ErrDamaged: the files must be intact for this, and are not.
	ErrDamaged = errors.New("protected files are damaged")
	// ErrChanged: files were intact when they were looked at, and no longer
	// were when they were used. Trying again looks anew.
	ErrChanged = errors.New("protected files changed meanwhile")
)

// Name is a parity file's random name.
type Name [16]byte

func (n Name) String() string { return hex.EncodeToString(n[:]) }

// Key is where the parity file lies in the backend.
func (n Name) Key() string { return Prefix + n.String() + suffix }

// ParseKey tells the name of the parity file that has that key.
func ParseKey(key string) (n Name, ok bool) {
	s, ok := strings.CutPrefix(key, Prefix)
	if !ok {
		return n, false
	}
	s, ok = strings.CutSuffix(s, suffix)
	if !ok || len(s) != 2*len(n) || s != strings.ToLower(s) {
		return n, false
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return n, false
	}
	return Name(b), true
}

// Large is the length in bytes from which a file should have parity of its own:
// smaller ones share.
const Large = 1 << 20
