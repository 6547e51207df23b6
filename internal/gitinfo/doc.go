// Package gitinfo reads the git state of the project around a directory: the
// commit, the branch, and whether the tracked files differ from the commit. It
// starts no git and writes nothing into the repository.
//
// A file is compared with the index by what lstat says of it, as git does, and
// by its content where that is not enough: its times differ, or it is racy,
// that is, changed so late that an edit after the index was written would not
// show in its times. What reading content taught is kept in a [Cache]. An edit
// that git leaves alone is left alone here: files marked skip-worktree or
// assume-unchanged, and untracked files.
//
// Where the answer differs from git's:
//
//   - Attributes and filters are not applied. A file counts as clean if its
//     content, or its content with LF for CRLF, is the one in the index. So a
//     file under a clean filter (git-lfs) looks changed when its times differ
//     from those in the index, until git refreshes the index.
//   - A submodule counts when another commit of it is staged; what is checked
//     out in it is not looked at.
//   - GIT_DIR, GIT_WORK_TREE and the other variables are not read, nor are
//     the configuration of the user and of the system, safe.directory,
//     refs/replace and grafts.
//
// Not supported, and reported as an error: repositories with SHA-256 or
// reftable, and split and sparse indexes.
package gitinfo
