package store

import (
	"container/heap"
	"context"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/journal"
)

// walk follows parents, newest first: a parent's entry has a smaller number than its
// child's, so that the largest number that is left is next.
func (q *query) walk(ctx context.Context) error {
	todo := &targets{}
	seen := map[uint64]bool{}
	push := func(t journal.Target) {
		if !seen[t.Entry] {
			seen[t.Entry] = true
			heap.Push(todo, t)
		}
	}
	for _, t := range q.tips {
		push(t)
	}
	for todo.Len() > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := heap.Pop(todo).(journal.Target)
		delete(seen, t.Entry) // nothing that comes after can lead to it
		v, err := q.sn.version(ctx, t)
		if err != nil {
			return err
		}
		hits, err := q.where.Match(v.record())
		if err != nil {
			return err
		}
		if len(hits) > 0 {
			if more, err := q.emit(ctx, v); !more || err != nil {
				return err
			}
		}
		if v.parent.Entry != 0 {
			push(v.parent)
		}
		if !q.o.First {
			for _, p := range v.merged {
				push(p)
			}
		}
	}
	return nil
}

// record is a version as the index has it.
func (v *Version) record() index.Record {
	return index.Record{Entry: v.Entry, ID: v.ID, Branch: v.Branch, Line: v.target.Line, Version: v.Version}
}

// Env gives expressions the fields of the version, but for expr.ChangeFields.
func (v *Version) Env() *expr.Version {
	return index.VersionEnv(v.Version, v.Branch, v.Tags, v.Aliases)
}

// targets is a heap of versions, the newest first.
type targets []journal.Target

func (h targets) Len() int           { return len(h) }
func (h targets) Less(i, k int) bool { return h[i].Entry > h[k].Entry }
func (h targets) Swap(i, k int)      { h[i], h[k] = h[k], h[i] }
func (h *targets) Push(x any)        { *h = append(*h, x.(journal.Target)) }
func (h *targets) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	*h = (*h)[:last]
	return t
}
