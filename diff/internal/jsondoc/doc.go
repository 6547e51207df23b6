// Package jsondoc reads JSON documents of any size for comparison: once through, to
// check them and to index their containers, and then again wherever somebody looks.
//
// Vocabulary:
//
//   - Source: the bytes of a document, by offset.
//   - Doc: a Source that was read through and found well formed.
//   - Value: one value of a Doc: where it lies, what kind it is, and two hashes.
//   - Hash: what the value is worth: numbers by their exact decimal value, strings
//     decoded, members in any order. Equal hashes are taken for equal values; the hashes
//     are keyed at random in each process and never leave it.
//   - Spelling: how its numbers and strings are written. Two values of one Hash whose
//     spellings differ hold a number or a string that is written otherwise.
//   - Index: containers of at least some hundred bytes, with their hashes. What is smaller
//     is read again when it is asked for. A document of a billion brackets makes the index
//     coarser, not larger.
//
// Beyond RFC 8259 documents may hold NaN, Infinity and -Infinity, as Python's json writes
// them; they are numbers here, and NaN equals NaN. Escapes of lone surrogates are let
// pass as Python lets them; other invalid UTF-8, names that occur twice in one object and
// nesting deeper than MaxDepth are errors.
package jsondoc
