// Package tensordiff compares two files of tensors: safetensors, GGUF, ONNX,
// NPY, NPZ, and model.json of TensorFlow.js, each with each.
//
// # Vocabulary
//
//   - side: one of the files, before or after
//   - alike: two tensors of one type and one scale, of which equal bytes are
//     equal elements, whatever their byte order
//   - opaque: data that is compared by its bytes only: types quantised in blocks,
//     of less than a byte, complex numbers, text and structures, and the numbers
//     that ONNX has as varints
//   - layer: the tensors whose names have one beginning, see below
//   - moments: mean, standard deviation, and how many are NaN and Inf
//
// # What is compared
//
// Tensors are matched by name. Of those that share a name in one file, which no
// format means to be, the second is called "x (2)"; the array of NPY is called
// "array". One that only the file before has and one that only the file after
// has, with equal type, shape and bytes, are one that was renamed; bytes are
// compared by a 64-bit hash with a random seed.
//
// Shapes are outermost first for all formats, so GGUF's are turned around. A
// tensor of another shape is reshaped, whatever its type. One of the same shape
// and another type is retyped, and its values are compared if both are numbers.
// Numbers of TensorFlow.js that are quantised by scale and minimum are compared
// as the values that these make.
//
// # Formulas
//
// With a and b the elements before and after as float64, and sums over those
// that are finite on both sides:
//
//	l2           sqrt(Σ (b-a)²)
//	l2_before    sqrt(Σ a²)
//	relative_l2  l2 / l2_before; 0 if l2 is, else null if l2_before is 0
//	max_abs      max |b-a|, and max_abs_index the first element where it is
//	cosine       Σ ab / (sqrt(Σ a²) sqrt(Σ b²))
//	mean, std    of the finite elements of a side; std is sqrt(Σ x²/n - mean²), and
//	             0 where that is less than a millionth of |mean|
//
// An element changed if its bytes did. Between tensors that are not alike, and
// with a tolerance, it changed if |b-a| is more than the tolerance, if one of the
// two is NaN, or if one is Inf and the other is not the same. So without a
// tolerance a NaN with other bits changed, and so did a zero with another sign,
// by 0. Sums are of float64, and norms within a millionth of the exact ones.
// Integers of 64 bits are rounded to float64 in all but the number of those that
// changed.
//
// # Layers
//
// Names are split at dots and slashes. The first component but the last of all
// that is a number, or a word that ends in an underscore and a number, ends the
// layer's name: model.layers.3, h.3, blk.3, encoder.layer.3, block_3. Without
// one, it is all but the last component. Names with a component such as exp_avg
// or momentum_buffer, or below optimizer, optim and the like, are state of an
// optimizer. Others with embed or embd in a component before the number, wte or
// wpe are embeddings. Only numbered ones that are neither count as layers.
//
// # How
//
// A file's bytes are read in blocks of 256 KB, and each worker has three of
// them. Bytes of which [Options.Same] tells that they are equal are not read,
// others are compared before they are decoded. A tensor that is equal throughout
// costs no more than that. Of one that is not, the equal parts have to be decoded
// on one side for the moments and norms: those that came before its first
// difference, within the 4 MB that a worker takes at once, are read again.
// Arrays that an archive compresses are decompressed once, twice if a first part
// of them is equal, by one worker.
//
// Results are the same to the last bit for any number of workers, since the parts
// and the order in which they are added are.
package tensordiff
