package vfs

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
)

// TempPrefix begins the name of every file that is not finished. Whoever lists
// a directory skips such names; a killed process may leave some behind.
const TempPrefix = ".tmp-"

// TempName returns a new name for an unfinished file, without directory:
// TempPrefix and 128 random bits in hex.
func TempName() string {
	var b [16]byte
	rand.Read(b[:])
	return TempPrefix + hex.EncodeToString(b[:])
}

// WriteFileAtomic replaces or creates a file so that readers see the old
// content or the new, never a mixture: a temporary file beside it, a rename.
// With durable the content is synced before the rename and the directory after
// it, so that the file survives a power cut once nil is returned; without, a
// power cut may leave an empty file. After an error the old content stands and
// the temporary file is removed, except when the sync of the directory failed:
// then the new content is in place, but perhaps not for good.
func WriteFileAtomic(fsys FS, name string, data []byte, durable bool) error {
	dir := path.Dir(name)
	temp := path.Join(dir, TempName())
	if err := writeTemp(fsys, temp, data, durable); err != nil {
		return fmt.Errorf("writing %q: %w", name, err)
	}
	if err := fsys.Rename(temp, name); err != nil {
		fsys.Remove(temp)
		return fmt.Errorf("writing %q: %w", name, err)
	}
	if durable {
		if err := fsys.SyncDir(dir); err != nil {
			return fmt.Errorf("writing %q: syncing its directory: %w", name, err)
		}
	}
	return nil
}

func writeTemp(fsys FS, temp string, data []byte, durable bool) error {
	f, err := fsys.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && durable {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		fsys.Remove(temp)
	}
	return err
}

// ReadFile returns the content of a regular file. More than max bytes are
// ErrTooLarge, and anything but a regular file is fs.ErrInvalid.
func ReadFile(fsys FS, name string, max int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, pathError("read", name, os.ErrInvalid)
	}
	if fi.Size() > max {
		return nil, pathError("read", name, ErrTooLarge)
	}
	data := make([]byte, 0, fi.Size()+1)
	r := io.LimitReader(f, max+1)
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
	if int64(len(data)) > max {
		return nil, pathError("read", name, ErrTooLarge)
	}
	return data, nil
}
