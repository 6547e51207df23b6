// Package objects defines what a store is made of: blobs, pieces, recipes,
// trees and versions, each under a hash of its own.
//
// A blob is the immutable content of a model; its ID is the plain BLAKE3-256
// of its bytes, what b3sum prints. A piece is a part of a blob as it is stored,
// under the plain BLAKE3-256 of its raw bytes; a blob that is one piece has the
// piece's ID. A recipe lists the pieces of a larger blob. A tree maps paths to
// blobs; a version names a tree, its parents and its metadata. The hashes of
// recipes, tree nodes and versions are made in derive-key contexts of their
// own, so that no model can pose as one of them.
package objects
