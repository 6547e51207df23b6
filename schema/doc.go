// Package schema tells what a model is, and what is wrong with it: of which format and
// kind, whether it is well-formed, whether it fits the JSON Schema of its kind, and
// whether its quality is in doubt. It reads the files that describe kinds, and those in
// which a training tells its parameters and metrics.
//
// Vocabulary:
//
//   - kind: a sort of model, such as audio_oracle. A kind file, in YAML, says how it is
//     recognised, what its documents must look like, and what to say about them
//   - match: one way in which a kind is recognised
//   - path: a place or places in a document, in a part of JSONPath
//   - figure: a number or text about one document (Stat), such as how many frames it has
//   - rule: a doubt about quality: a condition on figures, or on each of some elements
//   - finding: one thing that is wrong, with its place; an error makes a model invalid, a
//     warning does not
//   - wrapper: a document {"metadata":…,"data":…}, of which the data is the model
//   - damaged: empty, cut off, or not well-formed
//
// JSON documents are read as a stream: all kinds that a document can be of look at it at
// once, and what none of them asks for is skipped. Of a file of tensors, kinds see a
// document of what package tensor found there.
package schema
