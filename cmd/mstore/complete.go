package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

// maxCompletions bounds what a shell is offered.
const maxCompletions = 500

type completion = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective)

// completeRev offers names of versions for the first argument, and files for
// those after it when files is set.
func (a *app) completeRev(files bool) completion {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		then := cobra.ShellCompDirectiveNoFileComp
		if files {
			then = cobra.ShellCompDirectiveDefault
		}
		if len(args) > 0 {
			return nil, then
		}
		return a.names(cmd.Context(), word, "HEAD", store.Branch, store.Tag, store.Alias), then
	}
}

// completeName offers the names of one kind for the first argument, and any
// version for the second.
func (a *app) completeName(kind store.NameKind) completion {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			return a.names(cmd.Context(), word, "", kind), cobra.ShellCompDirectiveNoFileComp
		case len(args) == 1 && kind != 0:
			return a.names(cmd.Context(), word, "HEAD", store.Branch, store.Tag, store.Alias), cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeRevPath offers names of versions, and after a colon its models.
func (a *app) completeRevPath(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	rev, path, ok := splitRevPath(word)
	if !ok {
		return a.names(cmd.Context(), word, "HEAD", store.Branch, store.Tag, store.Alias),
			cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	var out []cobra.Completion
	a.completing(cmd.Context(), func(ctx context.Context, s *store.Store) error {
		v, err := s.Show(ctx, rev)
		if err != nil {
			return err
		}
		dir := path[:strings.LastIndexByte(path, '/')+1]
		for m, err := range s.Models(ctx, v, strings.TrimSuffix(dir, "/")) {
			if err != nil || len(out) == maxCompletions {
				return err
			}
			if strings.HasPrefix(m.Path, path) {
				out = append(out, rev+":"+m.Path)
			}
		}
		return nil
	})
	return out, cobra.ShellCompDirectiveNoFileComp
}

// names lists the names that begin with word; on any error there are none.
func (a *app) names(ctx context.Context, word, extra string, kinds ...store.NameKind) (out []cobra.Completion) {
	if extra != "" && strings.HasPrefix(extra, word) {
		out = append(out, extra)
	}
	a.completing(ctx, func(ctx context.Context, s *store.Store) error {
		for _, kind := range kinds {
			names, err := s.Names(ctx, kind)
			if err != nil {
				return err
			}
			for _, n := range names {
				if strings.HasPrefix(n.Name, word) && len(out) < maxCompletions {
					out = append(out, cobra.CompletionWithDesc(n.Name, kind.String()))
				}
			}
		}
		return nil
	})
	return out
}

// completing runs f on the store without a word, whatever goes wrong.
func (a *app) completing(ctx context.Context, f func(context.Context, *store.Store) error) {
	if a.start() != nil {
		return
	}
	o := a.options()
	o.Warn, o.Progress = nil, nil
	s, err := store.Open(ctx, a.cwd, o)
	if err != nil {
		return
	}
	f(ctx, s)
	s.Close()
}

// completeRevs offers names of versions, and files.
func (a *app) completeRevs(cmd *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.names(cmd.Context(), word, "HEAD", store.Branch, store.Tag, store.Alias), cobra.ShellCompDirectiveDefault
}
