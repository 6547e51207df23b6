// Package parity protects groups of immutable files of a backend against
// damage. A parity file lies beside the files of its group and holds what it
// takes to find the damaged parts of them and to write the files anew, by
// Reed-Solomon coding.
//
// # Vocabulary
//
// The files of a group, in ascending order of their keys and one right after
// another, are its sequence, of total bytes. The sequence is cut into k data
// shards of equal size, the last filled up with zeros; m parity shards of that
// size belong to them, and any k of the k+m shards give all the others. A
// column is the byte at one place of every shard. A segment is the part of one
// file that lies in one shard: files end inside shards, and a file of zero
// bytes has no segment. A stripe is a range of columns of the parity shards.
//
// A group of total bytes has k = total/512 data shards, at least 1 and at most
// 128, of ceil(total/k) bytes. m is ceil(k*percent/100), but at least 4; percent
// goes from 0 to 100, so m is at most the larger of 4 and k.
//
// So whatever the percentage, any four damaged bytes are healed, and any
// damage of a run of up to three shards' size, which is 2.3 % of the sequence:
// such a run touches no more than four shards.
//
// # Layout
//
// The parity file NAME.par is, with every integer that is called u32 or u64
// little-endian and every uint a varint of package wire:
//
//	prefix   magic "MSTOREPA", u32 format, u32 header length, u64 file size,
//	         16 bytes name, u32 CRC-32C of all before
//	header   magic "MSTOREPH", u32 format, 16 bytes name,
//	         uint k, uint m, uint shard size,
//	         uint number of files, of each: key (uint length, bytes), uint size,
//	         of each segment in the order of the sequence: 16 bytes hash,
//	         of each parity shard: 16 bytes hash,
//	         16 bytes hash of all before
//	parity   of each stripe: of each parity shard its part of the stripe
//	header   once more
//	trailer  as the prefix, with the magic "mstorepa"
//
// A stripe has as many columns as let m parts fit into 32 MiB, rounded down to
// a multiple of 64; the last has what is left. As long as a parity shard is no
// longer than that (with m = 4 up to 1 GiB of data) there is one stripe and the
// parity shards lie one after another. A writer holds one stripe in memory.
//
// Either one of prefix and trailer, together with either one of the two
// headers, is enough to use the file. Everything follows from name, percentage
// and data: a damaged parity file is written anew to the same bytes.
//
// A hash is the first 16 bytes of BLAKE3; that of a parity shard is over its
// columns in order.
//
// # Code
//
// The bytes of a column are elements of GF(2^8) modulo x^8+x^4+x^3+x^2+1
// (0x11d). Parity byte j is the sum over the data bytes i of
// data[i] / ((k+j) xor i), a Cauchy matrix, of which every square part can be
// inverted. See Blömer et al., An XOR-Based Erasure-Resilient Coding Scheme,
// 1995.
//
// # What proves content
//
// There is no hash of a whole file. The segments of a file cover it without gap
// or overlap, so when all of their hashes and the file's size are right the
// content is, but for a chance of 2^-128 for each segment; a hash over the same
// bytes would double the work and prove no more. Hashes of segments rather than
// of data shards tell which of the files that share a shard is the damaged one.
//
// The hashes find accidents. Who can write into the backend can write a
// parity file too, and with 2^64 work two segments of the same hash: what a
// pack or a journal file says is proved by its own hashes, before and after.
package parity
