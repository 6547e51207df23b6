// Package tensor checks files of tensors: safetensors, GGUF, ONNX, NPY and NPZ.
//
// A check reads the structure strictly, as the format's specification or its
// reference implementation does, and reports every departure as a [Problem]. It
// then looks at the values, and notes the tensors that hold NaN or Inf or
// nothing but zeros: such a file is valid, but seldom what was meant.
//
// Vocabulary:
//
//   - tensor: an array of numbers of one type, with a name and a shape
//   - element: one number of it; quantised types store them in blocks, each
//     block with scales that its elements are multiplied by
//   - value: what NaN and Inf are counted in: an element, a part of a complex
//     element, or a scale of a block
//   - header: all of a file that is not tensor data
//
// Files are taken to be hostile: every size is compared with what the file
// really has before it is believed, a check reads each byte of a file a bounded
// number of times, and its memory is bounded by one buffer and a small multiple
// of the header.
package tensor
