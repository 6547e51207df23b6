// Package jsondiff tells how two JSON models differ, by value, and writes the difference
// as a JSON Patch.
//
// Vocabulary:
//
//   - Value: numbers are compared by their exact decimal value, strings decoded, members of
//     objects in any order. White space, 1.0 for 1.00 and é for \u00e9 are no
//     difference; respellings are only counted.
//   - Change: one place where the documents differ: a value that was added, removed, became
//     another kind or changed, a number, an array of numbers, or an element that moved.
//   - Alignment: which elements of two arrays are compared with each other. By a key where
//     all elements are objects with a member whose values are different scalars in each
//     array: id, then a name that ends in _id, then uuid, name, key, if half of the elements
//     of the shorter array have a partner; or any other, if all have. Else by a longest
//     common subsequence, and between equal elements by position, or by kind where there are
//     more on one side. By position alone: arrays of numbers of one length, arrays of more
//     than 100,000 elements, what needs more than 1,000 insertions and deletions, and
//     whatever is left once the bounds of memory and work for one comparison are used up.
//   - Move: an element that was aligned by a key and stands elsewhere in its array. Its
//     content is compared as that of others; the fewest moves that explain the order are
//     told, with the lowest weight.
//   - Summary: what is told of an array of at least 32 numbers, or of a matrix of any rank,
//     instead of each number: how many changed, by how much, and where.
//   - Weight: what changes are sorted by, see Result.
//
// Documents may hold NaN, Infinity and -Infinity, as Python's json writes them: they are
// numbers, NaN equals NaN, and a change from or to one has no difference but the greatest
// weight. Only Patch refuses them.
//
// Cost: each document is read through once, to check it and to index its containers of
// 512 bytes and more with hashes of their values; then both are gone through side by side,
// and what has equal hashes is skipped. Documents up to Options.Memory (32 MB) are held as
// they are; larger ones are read a second time where they differ, with about 40 MB of index
// and windows each. Beyond that memory goes to elements of arrays that are aligned (at most
// 400,000 at once, 80 bytes each), to the changes that are kept, to the names of the
// object at hand (8 to 24 bytes each, while it is checked), and to members that are in
// another order than in the other document (about 50 bytes each).
package jsondiff
