package journal

import (
	"fmt"
	"time"

	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// encodeCore is the canonical encoding, over which the hash is made.
func (e *Entry) encodeCore() []byte {
	var w wire.Encoder
	w.Uint(e.Number)
	w.Raw(e.Prev[:])
	w.Raw(e.Tx[:])
	w.Int(e.Time.UnixNano())
	encodeOps(&w, e.Ops, true)
	return w.B
}

func decodeCore(b []byte) (*Entry, error) {
	d := wire.NewDecoder(b)
	e := &Entry{Number: d.Uint()}
	d.Fixed(e.Prev[:])
	d.Fixed(e.Tx[:])
	e.Time = time.Unix(0, d.Int()).UTC()
	e.Ops = decodeOps(d, e.Number, true)
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("entry: %w: %w", ErrCorrupt, err)
	}
	return e, nil
}

func encodeTarget(w *wire.Encoder, t Target) {
	w.Raw(t.ID[:])
	w.Uint(t.Entry)
	w.Uint(t.Seq)
	w.Uint(t.Line)
}

func decodeTarget(d *wire.Decoder) (t Target) {
	d.Fixed(t.ID[:])
	t.Entry, t.Seq, t.Line = d.Uint(), d.Uint(), d.Uint()
	return t
}

// decodeParents demands that parents stand before entry number.
func decodeParents(d *wire.Decoder, op *Op, number uint64) {
	op.Parent = decodeTarget(d)
	n := d.Count(objects.IDSize + 3)
	if n > MaxParents-1 || n > 0 && op.Parent.Entry == 0 {
		d.Fail("%d further parents", n)
		return
	}
	for range n {
		op.Merged = append(op.Merged, decodeTarget(d))
	}
	for i, p := range op.Parents() {
		if p.Entry >= number || p.Entry == 0 && i > 0 {
			d.Fail("parent of entry %d at entry %d", number, p.Entry)
		}
	}
}

// MaxParents is how many parents a version has at most.
const MaxParents = 16

func encodePacks(w *wire.Encoder, packs []pack.Info) {
	w.Uint(uint64(len(packs)))
	for _, p := range packs {
		w.Raw(p.Name[:])
		w.Uint(uint64(p.Size))
	}
}

func decodePacks(d *wire.Decoder) []pack.Info {
	n := d.Count(17)
	if n == 0 {
		return nil
	}
	packs := make([]pack.Info, n)
	for i := range packs {
		d.Fixed(packs[i].Name[:])
		packs[i].Size = decodeSize(d, maxSize)
	}
	return packs
}

func encodeExpired(w *wire.Encoder, items []Expired) {
	w.Uint(uint64(len(items)))
	for i := range items {
		it := &items[i]
		w.Raw(it.Version[:])
		w.Uint(it.Entry)
		w.String(it.Path)
		w.Raw(it.Blob[:])
		w.Uint(uint64(it.Size))
	}
}

func decodeExpired(d *wire.Decoder) []Expired {
	n := d.Count(2*objects.IDSize + 3)
	if n > MaxExpired {
		d.Fail("%d expired contents", n)
		return nil
	}
	var items []Expired
	for i := 0; i < n && d.Err() == nil; i++ {
		var it Expired
		d.Fixed(it.Version[:])
		it.Entry, it.Path = d.Uint(), d.String()
		d.Fixed(it.Blob[:])
		it.Size = decodeSize(d, maxSize)
		items = append(items, it)
	}
	return items
}

// MaxExpired is how many contents one operation names at most.
const MaxExpired = 1 << 12

// maxOps bounds the operations of an entry: each takes some hundred bytes of
// memory.
const maxOps = 1 << 16

// maxSize bounds the sizes that are believed, in bytes or rows.
const maxSize = 1 << 60

func decodeSize(d *wire.Decoder, most uint64) int64 {
	n := d.Uint()
	if n > most {
		d.Fail("size %d", n)
		return 0
	}
	return int64(n)
}

// encodeOps writes operations, with full with the version records, without it
// as a digest.
func encodeOps(w *wire.Encoder, ops []Op, full bool) {
	w.Uint(uint64(len(ops)))
	for i := range ops {
		op := &ops[i]
		w.Byte(byte(op.Kind))
		switch op.Kind {
		case OpInit:
			w.Raw(op.Store[:])
		case OpCommit:
			w.Byte(byte(op.NameKind))
			w.String(op.Name)
			w.Raw(op.Target.ID[:])
			w.Uint(op.Target.Seq)
			w.Uint(op.Target.Line)
			encodeTarget(w, op.Parent)
			w.Uint(uint64(len(op.Merged)))
			for _, t := range op.Merged {
				encodeTarget(w, t)
			}
			if full {
				w.Bytes(op.Record)
			}
		case OpSetName, OpDeleteName:
			w.Byte(byte(op.NameKind))
			w.String(op.Name)
			encodeTarget(w, op.Target)
			w.String(op.Reason)
		case OpAddPacks, OpRemovePacks:
			encodePacks(w, op.Packs)
		case OpSetConfig:
			w.String(op.Key)
			w.String(op.Value)
		case OpUnsetConfig:
			w.String(op.Key)
		case OpExpire:
			w.String(op.Reason)
			if full {
				encodeExpired(w, op.Expired)
			} else {
				w.Uint(op.Expiry.First)
				w.Uint(op.Expiry.Last)
				w.Uint(op.Expiry.Count)
			}
		case OpCondemn:
			encodePacks(w, op.Packs)
			w.String(op.Reason)
		case OpUndelete:
			encodePacks(w, op.Packs)
		case OpHold, OpUnhold:
			encodeTarget(w, op.Target)
			w.String(op.Name)
			w.String(op.Reason)
		case OpRepair:
			w.String(op.Key)
			w.String(op.Reason)
		default:
			panic(fmt.Sprintf("journal: operation %d", op.Kind))
		}
	}
}

func decodeOps(d *wire.Decoder, number uint64, full bool) []Op {
	n := d.Count(2)
	if n > maxOps {
		d.Fail("%d operations", n)
		return nil
	}
	ops := make([]Op, 0, min(n, 8)) // an Op is large; grow by what is really there
	for range n {
		ops = append(ops, Op{})
		op := &ops[len(ops)-1]
		op.Kind = Kind(d.Byte())
		switch op.Kind {
		case OpInit:
			d.Fixed(op.Store[:])
		case OpCommit:
			op.NameKind = NameKind(d.Byte())
			op.Name = d.String()
			d.Fixed(op.Target.ID[:])
			op.Target.Entry, op.Target.Seq, op.Target.Line = number, d.Uint(), d.Uint()
			decodeParents(d, op, number)
			if full {
				op.Record = d.Bytes()
			}
		case OpSetName, OpDeleteName:
			op.NameKind = NameKind(d.Byte())
			op.Name = d.String()
			op.Target = decodeTarget(d)
			op.Reason = d.String()
		case OpAddPacks, OpRemovePacks:
			op.Packs = decodePacks(d)
		case OpSetConfig:
			op.Key, op.Value = d.String(), d.String()
		case OpUnsetConfig:
			op.Key = d.String()
		case OpExpire:
			op.Reason = d.String()
			if full {
				op.Expired = decodeExpired(d)
				op.Expiry = expiryOf(number, op.Expired)
			} else {
				op.Expiry = Expiry{Entry: number, First: d.Uint(), Last: d.Uint(), Count: d.Uint()}
			}
		case OpCondemn:
			op.Packs = decodePacks(d)
			op.Reason = d.String()
		case OpUndelete:
			op.Packs = decodePacks(d)
		case OpHold, OpUnhold:
			op.Target = decodeTarget(d)
			op.Name = d.String()
			op.Reason = d.String()
		case OpRepair:
			op.Key, op.Reason = d.String(), d.String()
		default:
			d.Fail("operation %d", op.Kind)
		}
		if d.Err() != nil {
			return nil
		}
	}
	return ops
}
