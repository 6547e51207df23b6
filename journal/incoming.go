package journal

import "strings"

// Incoming begins the names, of kind Remote, that hold versions which are on their way
// from another store: incoming/STORE/BRANCH. They go when all has arrived.
const Incoming = "incoming/"

// IsIncoming tells whether a name holds what is under way.
func (n *Name) IsIncoming() bool { return n.Kind == Remote && strings.HasPrefix(n.Name, Incoming) }

// Branch is the branch that a version was made on, for people: of one that came from
// another store, the branch there.
func (op *Op) Branch() string {
	name := op.Name
	if op.NameKind != Remote {
		return name
	}
	if rest, ok := strings.CutPrefix(name, Incoming); ok {
		name = rest
	}
	if _, branch, ok := strings.Cut(name, "/"); ok {
		return branch
	}
	return name
}
