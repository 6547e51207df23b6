// Package jsonmerge merges the changes that two sides made to a JSON model, by value.
//
// Vocabulary:
//
//   - Base, ours, theirs: the document that both sides began with, and what each made of it.
//   - Value and alignment are those of package jsondiff, each side being aligned with
//     base. A key must be one in all three.
//   - Taken: what one side alone changed is taken from it: new values, deletions,
//     insertions, a new order of elements with a key. What both changed in the same way is
//     taken from ours.
//   - Conflict: what both changed in different ways: a value; one deleted what the other
//     changed; both inserted a member or an element with the same key, or different elements
//     between the same neighbours; both moved elements; both changed an array that is too
//     long to be aligned (more than 100,000 elements, and of different lengths). Objects and
//     arrays that both changed are no conflict, only what lies in them may be.
//   - Order: members and elements stand as in ours, and what only theirs has behind the
//     element that it follows there, or at the end of an object. Only where theirs moved
//     elements with a key and ours did not, its order counts.
//
// The merged document is not encoded anew: it is put together from the bytes of ours and
// theirs, with the separators of their neighbours, so that formatting and the spelling of
// numbers stay. NaN and Infinity are let through as in package jsondiff.
package jsonmerge
