package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// group is the number of elements that are left out or coded together.
const group = 64

// minRun is how many equal groups it takes to leave out their elements: below
// that, two numbers cost more than the zeros they save.
const minRun = 4

// appendRuns appends the turns of equal and coded groups of size bytes.
func appendRuns(dst, x, y []byte, size int) []byte {
	equal := func(i int) bool {
		to := min(i+size, len(x))
		return bytes.Equal(x[i:to], y[i:to])
	}
	same, coded := 0, 0
	for i := 0; i < len(x); {
		run := 0
		for i < len(x) && equal(i) {
			i, run = i+size, run+1
		}
		if run >= minRun || i >= len(x) || coded == 0 {
			if coded > 0 {
				dst = binary.AppendUvarint(dst, uint64(same))
				dst = binary.AppendUvarint(dst, uint64(coded))
				same, coded = 0, 0
			}
			same += run
		} else {
			coded += run
		}
		for i < len(x) && !equal(i) {
			i, coded = i+size, coded+1
		}
	}
	if coded > 0 {
		dst = binary.AppendUvarint(dst, uint64(same))
		dst = binary.AppendUvarint(dst, uint64(coded))
	}
	return dst
}

// eachCoded calls f for the bytes of each run of coded groups in total bytes.
func eachCoded(runs []byte, total, size int, f func(from, to int) error) error {
	at := 0 // groups
	groups := (total + size - 1) / size
	for len(runs) > 0 {
		var same, coded int
		var err error
		if same, runs, err = readLength(runs, groups-at); err != nil {
			return err
		}
		if coded, runs, err = readLength(runs, groups-at-same); err != nil {
			return err
		}
		if coded == 0 {
			return fmt.Errorf("%w: empty run", ErrCorrupt)
		}
		at += same
		if err = f(at*size, min((at+coded)*size, total)); err != nil {
			return err
		}
		at += coded
	}
	return nil
}
