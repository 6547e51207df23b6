// Command bench measures mstore beside the programs that people use instead:
// git, git-lfs, restic, borg, zstd, as far as they are installed.
//
//	go run ./bench [-quick] [-run REGEXP] [-runs N] [-peers LIST] [-real DIR]
//
// It builds mstore, generates its corpora below a work directory, runs each
// program as a whole process and takes its processor time (user and system,
// of the process and the children it waited for), wall time and peak resident
// memory from the operating system. A row is the median of the runs. What was
// restored is compared byte for byte with what was saved; a difference, or an
// error of mstore, makes the exit code 1. Times are never judged: the target
// column is for the reader.
//
// Sizes are those of the repository, without the files that lie in the open;
// the rows "after gc" tell what mstore gc and git gc make of it, and what they
// cost. The scenario real needs models of your own, with their versions in
// DIR/NAME/NNN-VERSION; it is skipped without them.
//
// Report and nothing else goes to stdout, as markdown; progress to stderr.
// Each program runs with its defaults and with a warm file cache; a home
// directory of its own keeps the user's settings out. Corpora are written by a
// child process, because the peak memory that Linux reports for a child is
// never below the peak of the process that started it; the report says how
// low that floor was.
package main
