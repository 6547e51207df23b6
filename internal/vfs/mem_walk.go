package vfs

import (
	"io/fs"
	"strings"
	"syscall"
)

// existing is walk for a name that must be there.
func (m *Mem) existing(op, name string, follow bool) (dir *memNode, base string, n *memNode, err error) {
	dir, base, n, err = m.walk(op, name, follow)
	if err == nil && n == nil {
		err = pathError(op, name, fs.ErrNotExist)
	}
	return dir, base, n, err
}

// walk finds the directory that a name stands in, its name there and the node,
// nil when the name is free. The root stands in no directory.
func (m *Mem) walk(op, name string, follow bool) (dir *memNode, base string, n *memNode, err error) {
	if !validName(name) {
		return nil, "", nil, pathError(op, name, fs.ErrInvalid)
	}
	const maxSymlinks = 40
	dirs, rest, symlinks := []*memNode{m.root}, strings.Split(name, "/"), 0
	for len(rest) > 0 {
		elem := rest[0]
		rest = rest[1:]
		cur := dirs[len(dirs)-1]
		switch elem {
		case "", ".":
			continue
		case "..":
			if len(dirs) == 1 {
				return nil, "", nil, pathError(op, name, errEscapes)
			}
			dirs = dirs[:len(dirs)-1]
			continue
		}
		child, last := cur.entries[elem], len(rest) == 0
		switch {
		case child == nil && last:
			return cur, elem, nil, nil
		case child == nil:
			return nil, "", nil, pathError(op, name, fs.ErrNotExist)
		case child.mode&fs.ModeSymlink != 0 && (!last || follow):
			if symlinks++; symlinks > maxSymlinks {
				return nil, "", nil, pathError(op, name, syscall.ELOOP)
			}
			if strings.HasPrefix(child.target, "/") {
				return nil, "", nil, pathError(op, name, errEscapes)
			}
			rest = append(strings.Split(child.target, "/"), rest...)
		case last:
			return cur, elem, child, nil
		case !child.mode.IsDir():
			return nil, "", nil, pathError(op, name, syscall.ENOTDIR)
		default:
			dirs = append(dirs, child)
		}
	}
	return nil, ".", dirs[len(dirs)-1], nil
}
