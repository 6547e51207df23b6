package index

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// errDamaged: badger, or what it returned, is of no use any more.
var errDamaged = errors.New("index is damaged")

// Sizes that badger is opened with. It ends the process when memTableSize is
// smaller than that of an earlier session; changing either changes schema.
const (
	memTableSize     = 8 << 20
	valueLogFileSize = 16 << 20
)

// badgerOptions keeps badger small. There are no background compactors: in a
// session of milliseconds they would do nothing, and a panic in one of their
// goroutines could not be caught. Tables need no compression, columns are
// compact.
func badgerOptions(dir string, readOnly bool) badger.Options {
	o := badger.DefaultOptions(dir).
		WithReadOnly(readOnly).
		WithLogger(nil).
		WithMetricsEnabled(false).
		WithMemTableSize(memTableSize).
		WithBaseTableSize(8 << 20).
		WithValueLogFileSize(valueLogFileSize).
		WithNumCompactors(0).
		WithNumLevelZeroTables(5).
		WithNumLevelZeroTablesStall(1 << 20). // a stall would wait for compactors for ever
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithSyncWrites(false).
		WithDetectConflicts(false).
		WithVerifyValueChecksum(true).
		WithChecksumVerificationMode(options.OnBlockRead)
	o.NumGoroutines = 1
	o.TableSizeMultiplier = 1 // a table is built in memory
	o.ExternalMagicVersion = schema
	return o
}

// guard calls into badger, and turns a panic or a fault in a mapped file into
// errDamaged.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: panic: %v", errDamaged, r)
		}
	}()
	return fn()
}

func openBadger(dir string, readOnly bool) (db *badger.DB, err error) {
	err = guard(func() error {
		var err error
		db, err = badger.Open(badgerOptions(dir, readOnly))
		return err
	})
	switch {
	case err == nil:
		return db, nil
	case strings.Contains(err.Error(), "Cannot acquire directory lock"):
		// Untyped in badger. It is some other program, or a process whose lock
		// file was deleted.
		return nil, ErrBusy
	}
	return nil, fmt.Errorf("%w: %w", errDamaged, err)
}

// closeBadger does not wait for ever for a database that is out of order.
func closeBadger(db *badger.DB) error {
	done := make(chan error, 1)
	go func() { done <- guard(db.Close) }()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		return fmt.Errorf("%w: closing takes too long", errDamaged)
	}
}

// get appends a value to dst, and nothing when there is none.
func get(db *badger.DB, key, dst []byte) (_ []byte, err error) {
	err = guard(func() error {
		return db.View(func(txn *badger.Txn) error {
			item, err := txn.Get(key)
			if errors.Is(err, badger.ErrKeyNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			return item.Value(func(v []byte) error {
				dst = append(dst, v...)
				return nil
			})
		})
	})
	return dst, asDamage(err)
}

// scan calls fn for each key with a prefix, in order, until it returns false. Key and value
// are valid until it returns.
func scan(db *badger.DB, prefix []byte, fn func(key, value []byte) (more bool, err error)) error {
	err := guard(func() error {
		return db.View(func(txn *badger.Txn) error {
			o := badger.DefaultIteratorOptions
			o.Prefix, o.PrefetchValues = prefix, false
			it := txn.NewIterator(o)
			defer it.Close()
			more := true
			for it.Rewind(); it.Valid() && more; it.Next() {
				item := it.Item()
				err := item.Value(func(v []byte) (err error) {
					more, err = fn(item.Key(), v)
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	return asDamage(err)
}

// asDamage marks what badger says as errDamaged.
func asDamage(err error) error {
	if err != nil && !errors.Is(err, errDamaged) {
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	return err
}

// put writes pairs in transactions as large as badger allows, in order; the
// last pair is in the last of them.
func put(db *badger.DB, pairs []pair) error {
	err := guard(func() error {
		txn := db.NewTransaction(true)
		defer func() { txn.Discard() }()
		for _, p := range pairs {
			err := txn.Set(p.key, p.value)
			if errors.Is(err, badger.ErrTxnTooBig) {
				if err := txn.Commit(); err != nil {
					return err
				}
				txn = db.NewTransaction(true)
				err = txn.Set(p.key, p.value)
			}
			if err != nil {
				return err
			}
		}
		return txn.Commit()
	})
	if err != nil {
		return fmt.Errorf("writing the index: %w", err)
	}
	return nil
}

type pair struct{ key, value []byte }

// compact moves tables out of level 0 once there are many. Badger drops what
// it cannot read in a compaction, so checksums come first, unless all of it was
// written just now.
func compact(db *badger.DB, most int, trust bool) error {
	n := 0
	for _, t := range db.Tables() {
		if t.Level == 0 {
			n++
		}
	}
	if n < most {
		return nil
	}
	return guard(func() error {
		if !trust {
			if err := db.VerifyChecksum(); err != nil {
				return fmt.Errorf("%w: %w", errDamaged, err)
			}
		}
		return db.Flatten(1)
	})
}
