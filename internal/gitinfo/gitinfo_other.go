//go:build !unix || aix

package gitinfo

import (
	"io/fs"
	"os"
)

func lstat(path string) (fileStat, error) {
	fi, err := os.Lstat(path)
	if err != nil {
		return fileStat{}, err
	}
	return fromInfo(fi), nil
}

func fstat(f *os.File) (fileStat, error) {
	fi, err := f.Stat()
	if err != nil {
		return fileStat{}, err
	}
	return fromInfo(fi), nil
}

func fromInfo(fi fs.FileInfo) fileStat {
	s := fileStat{exec: fi.Mode()&0o100 != 0, stamp: stamp{size: fi.Size(), mtime: fi.ModTime().UnixNano()}}
	switch fi.Mode().Type() {
	case 0:
		s.kind = kindFile
	case fs.ModeSymlink:
		s.kind = kindLink
	case fs.ModeDir:
		s.kind = kindDir
	}
	return s
}
