package schema

import "strconv"

// FileError: a kind file or a metadata file that cannot be understood.
type FileError struct {
	File  string
	Line  int    // 0: not known
	Field string // with its parents, "" for the whole
	Err   error
}

func (e *FileError) Error() string {
	where := e.File
	if e.Line > 0 {
		where += ":" + strconv.Itoa(e.Line)
	}
	if e.Field != "" {
		where += ": " + e.Field
	}
	return where + ": " + e.Err.Error()
}

func (e *FileError) Unwrap() error { return e.Err }
