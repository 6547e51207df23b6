// Package corpus writes the models that the benchmarks save: a musician's JSON
// models (musichal), one JSON model through a hundred saves (lineage), tensor
// files with fine-tunes (weights), the checkpoints of a small network in
// training (train), models before and after (pairs), very many tiny models (many), one very large file (large),
// and the small ones of testdata/models (testdata).
//
// Each kind is a pure function of its seed and scale. The same bytes come out
// on every machine: no map is ranged over, no library function whose last bit
// may differ between processors is called, and products are rounded before
// they are added to, so that no compiler fuses them. Files are streamed;
// memory does not grow with the scale, except for one automaton or one
// model's numbers at a time.
package corpus
