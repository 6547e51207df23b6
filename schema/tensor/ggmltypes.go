package tensor

// ggmlTypes are the element types of GGUF, with the numbers and the blocks of
// ggml (ggml/include/ggml.h, ggml/src/ggml-common.h). The interleaved types, 31
// to 33 and 36 to 38, are no longer written, but files have them.
var ggmlTypes = map[uint32]*elem{
	0: elems["F32"], 1: elems["F16"], 24: elems["I8"], 25: elems["I16"], 26: elems["I32"], 27: elems["I64"], 28: elems["F64"], 30: elems["BF16"],
	2: ggml("Q4_0", 32, 18, 0), 3: ggml("Q4_1", 32, 20, 0, 2), 6: ggml("Q5_0", 32, 22, 0), 7: ggml("Q5_1", 32, 24, 0, 2),
	8: ggml("Q8_0", 32, 34, 0), 9: ggml("Q8_1", 32, 36, 0, 2),
	10: ggml("Q2_K", 256, 84, 80, 82), 11: ggml("Q3_K", 256, 110, 108), 12: ggml("Q4_K", 256, 144, 0, 2), 13: ggml("Q5_K", 256, 176, 0, 2),
	14: ggml("Q6_K", 256, 210, 208), 15: ggml("Q8_K", 256, 292),
	16: ggml("IQ2_XXS", 256, 66, 0), 17: ggml("IQ2_XS", 256, 74, 0), 18: ggml("IQ3_XXS", 256, 98, 0), 19: ggml("IQ1_S", 256, 50, 0),
	20: ggml("IQ4_NL", 32, 18, 0), 21: ggml("IQ3_S", 256, 110, 0), 22: ggml("IQ2_S", 256, 82, 0), 23: ggml("IQ4_XS", 256, 136, 0),
	29: ggml("IQ1_M", 256, 56), 31: ggml("Q4_0_4_4", 32, 18), 32: ggml("Q4_0_4_8", 32, 18), 33: ggml("Q4_0_8_8", 32, 18),
	34: ggml("TQ1_0", 256, 54, 52), 35: ggml("TQ2_0", 256, 66, 64),
	36: ggml("IQ4_NL_4_4", 32, 18), 37: ggml("IQ4_NL_4_8", 32, 18), 38: ggml("IQ4_NL_8_8", 32, 18),
	39: ggml("MXFP4", 32, 17), 40: ggml("NVFP4", 64, 36), 41: ggml("Q1_0", 128, 18, 0), 42: ggml("Q2_0", 64, 18, 0),
}

// ggml makes a quantised type: so many elements in a block of so many bytes, and
// where in it the scales stand that are F16. Scales of other types, and those
// that are put together from parts, are not looked at.
func ggml(name string, block uint64, bytes int, scales ...int) *elem {
	e := &elem{name: name, block: block, bits: 8 * uint64(bytes)}
	if len(scales) > 0 {
		l := *looks["F16"]
		l.scales, l.block = scales, bytes
		e.look = &l
	}
	return e
}
