package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

// nameOptions are what branch, tag and alias have in common.
type nameOptions struct {
	kind   store.NameKind
	args   []string
	remove bool
	force  bool
	kinds  []store.NameKind // that are listed; none: kind
	// verbose lists upstreams too.
	verbose bool
}

// nameFlags gives a command of names its arguments, -d and --json.
func (a *app) nameFlags(cmd *cobra.Command, o *nameOptions) {
	cmd.Flags().BoolVarP(&o.remove, "delete", "d", false, "delete the named ones")
	a.jsonFlag(cmd, "print JSON: a list of name, kind, version, id, branch, moved, current")
	cmd.ValidArgsFunction = a.completeName(o.kind)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.args = args
		return runNames(cmd.Context(), a, *o)
	}
}

func runNames(ctx context.Context, a *app, o nameOptions) error {
	switch {
	case o.remove && len(o.args) == 0:
		return usagef("", "-d needs the name to delete")
	case !o.remove && len(o.args) > 2:
		return usagef("", "%s takes at most NAME and REV", o.kind)
	case o.force && len(o.args) == 0:
		return usagef("", "--force needs a name")
	}
	return a.with(ctx, func(s *store.Store) error {
		switch {
		case o.remove:
			return a.deleteNames(ctx, s, o)
		case len(o.args) > 0:
			rev := "HEAD"
			if len(o.args) > 1 {
				rev = o.args[1]
			}
			n, err := s.SetName(ctx, o.kind, o.args[0], rev, o.force)
			if err != nil {
				return err
			}
			return a.reportName(n)
		}
		kinds := o.kinds
		if len(kinds) == 0 {
			kinds = []store.NameKind{o.kind}
		}
		var names []store.Name
		for _, kind := range kinds {
			some, err := s.Names(ctx, kind)
			if err != nil {
				return err
			}
			names = append(names, some...)
		}
		return a.printNames(names, o.verbose)
	})
}

func (a *app) deleteNames(ctx context.Context, s *store.Store, o nameOptions) error {
	for _, name := range o.args {
		if err := s.DeleteName(ctx, o.kind, name, o.force); err != nil {
			return err
		}
		a.say("deleted %s %s", o.kind, name)
	}
	if a.json {
		return writeJSON(a.out, struct {
			Deleted []string `json:"deleted"`
		}{o.args})
	}
	return nil
}

func (a *app) reportName(n *store.Name) error {
	if a.json {
		return writeJSON(a.out, newNameDoc(n))
	}
	a.say("%s %s is at %s", n.Kind, n.Name,
		a.errStyle.version.Sprintf("%s %s", n.Version.Name, n.Version.ID.Short()))
	return nil
}

func (a *app) printNames(names []store.Name, verbose bool) error {
	if a.json {
		docs := make([]*nameDoc, len(names))
		for i := range names {
			docs[i] = newNameDoc(&names[i])
		}
		return writeJSON(a.out, docs)
	}
	st, table := a.style, columns{}
	for _, n := range names {
		mark, look := " ", st.tag
		switch n.Kind {
		case store.Branch:
			look = st.branch
		case store.Alias:
			look = st.alias
		}
		if n.Current {
			mark = "*"
		}
		row := []cell{{text: mark + " " + n.Name, look: look}}
		if v := n.Version; v != nil {
			row = append(row, cell{text: v.Name, look: st.version}, cell{text: v.ID.Short(), look: st.version},
				cell{text: ago(v.Time, a.now())})
			if verbose {
				row = append(row, cell{text: showUpstream(n.Upstream), look: st.branch})
			}
			row = append(row, cell{text: cleanLine(firstLine(v.Message))})
		}
		table.add(row...)
	}
	return table.write(a.out)
}

// nameDoc is a branch, tag or alias in JSON. Version is empty for a branch
// without versions.
type nameDoc struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Version string `json:"version"`
	ID      string `json:"id"`
	Branch  string `json:"branch"` // the branch that the version was committed to
	Moved   string `json:"moved"`  // RFC 3339; empty when not known
	Current bool   `json:"current"`

	Upstream *upstreamDoc `json:"upstream,omitempty"` // of a branch that has one
}

func newNameDoc(n *store.Name) *nameDoc {
	d := &nameDoc{Name: n.Name, Kind: n.Kind.String(), Current: n.Current, Upstream: newUpstreamDoc(n.Upstream)}
	if n.Version != nil {
		d.Version, d.ID, d.Branch = n.Version.Name, n.Version.ID.String(), n.Version.Branch
	}
	if !n.Moved.IsZero() {
		d.Moved = n.Moved.UTC().Format(time.RFC3339)
	}
	return d
}

// nameHelp is the part of the help that the three commands share.
func nameHelp(what string) string {
	return fmt.Sprintf(`Names have none of @ : ~ ^ or a backslash, no spaces or control characters, no
leading - or .; they are not HEAD, not v and digits, not four or more hex digits
alone, and unique whatever the case.

With --json: the list, or the %s that was made or moved, or deleted.`, what)
}
