// Package gc looks after the space that a store takes: it rewrites packs.
// It works on packs and the journal alone and never asks an index.
package gc
