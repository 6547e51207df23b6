package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// A store that was cloned in part has all versions and trees, and lacks content that its
// remote promises: what came from a remote with the setting remote.NAME.partial, is not
// here, and was not let go here.

// promising lists the remotes that promise content, by name.
func promising(st *journal.State) (names []string) {
	for key, value := range st.Config {
		rest, ok := strings.CutPrefix(key, remoteSetting)
		if name, partial := strings.CutSuffix(rest, "."+remotePartial); ok && partial && name != "" && value != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// promises tells which versions came from remotes that promise content.
type promises struct {
	remotes []string
	ids     []string            // how the names begin that its versions arrive on
	lines   []map[uint64]uint64 // of each remote: the lines that its branches reach, up to which number
}

// promisesOf reads no entry, only directories of the archive.
func promisesOf(ctx context.Context, h *journal.History) (*promises, error) {
	st := h.State()
	p := &promises{remotes: promising(st)}
	for _, remote := range p.remotes {
		var tips []journal.Target
		for _, n := range st.Names {
			if n.Kind == journal.Remote && strings.HasPrefix(n.Name, remote+"/") {
				tips = append(tips, n.To)
			}
		}
		lines, err := h.Ancestors(ctx, tips)
		if err != nil {
			return nil, err
		}
		p.lines = append(p.lines, lines)
		id := st.Config[remoteKey(remote, remoteID)]
		p.ids = append(p.ids, journal.Incoming+id[:min(len(id), 16)]+"/")
	}
	return p, nil
}

// by tells which remote promises the content of the version of a commit; "" for none.
// A version that was fetched stays promised when its branch is gone at the remote.
func (p *promises) by(op *journal.Op) string {
	for i, remote := range p.remotes {
		fetched := op.NameKind == journal.Remote && (strings.HasPrefix(op.Name, remote+"/") || strings.HasPrefix(op.Name, p.ids[i]))
		if fetched || op.Target.Seq <= p.lines[i][op.Target.Line] {
			return remote
		}
	}
	return ""
}

// promiser tells which remote promises a content that is not here; "" for none. That is
// known without asking the remote.
func (sn *snapshot) promiser(ctx context.Context, id objects.BlobID) (string, error) {
	if len(promising(sn.st)) == 0 {
		return "", nil
	}
	sn.promiseMu.Lock()
	defer sn.promiseMu.Unlock()
	if sn.promised == nil {
		all, err := sn.readPromises(ctx)
		if err != nil {
			return "", classify(err)
		}
		sn.promised = all
	}
	return sn.promised[id], nil
}

// readPromises lists all contents that came from remotes with promises.
func (sn *snapshot) readPromises(ctx context.Context) (map[objects.BlobID]string, error) {
	all := map[objects.BlobID]string{}
	p, err := promisesOf(ctx, sn.h)
	if err != nil {
		return nil, err
	}
	for e, err := range sn.h.Entries(ctx, 0) {
		if err != nil {
			return nil, err
		}
		op := e.Commit()
		if op == nil {
			continue
		}
		remote := p.by(op)
		if remote == "" {
			continue
		}
		v, err := sn.versionOf(e)
		if err != nil {
			return nil, err
		}
		changes, err := sn.changes(ctx, v)
		if err != nil {
			return nil, err
		}
		for _, ch := range changes {
			if ch.Status != objects.Removed && all[ch.Blob] == "" {
				all[ch.Blob] = remote
			}
		}
	}
	return all, nil
}

// Promise says that a content lies at a remote alone.
type Promise struct {
	Remote string
}

func (p *Promise) String() string {
	return fmt.Sprintf("promised by %s: it is fetched when it is needed", p.Remote)
}

// promise tells of a content that it is not here and promised; nil when it is here, has
// expired, or is lost.
func (sn *snapshot) promise(ctx context.Context, id objects.BlobID) (*Promise, error) {
	if len(promising(sn.st)) == 0 {
		return nil, nil
	}
	if _, there, err := sn.r.HasBlob(ctx, id); err != nil || there { // where an index is lost, fsck tells more
		return nil, ctx.Err()
	}
	x, err := sn.expiry(ctx, id)
	if err != nil || x != nil {
		return nil, err
	}
	remote, err := sn.promiser(ctx, id)
	if err != nil || remote == "" {
		return nil, err
	}
	return &Promise{remote}, nil
}

// Promise tells of a content that it is not here, and which remote promises it; nil when
// it is here, has expired, or is lost.
func (x *Expired) Promise(ctx context.Context, id objects.BlobID) (*Promise, error) {
	return x.sn.promise(ctx, id)
}
