package stub

// These are what EncodeArg, DecodeArg, EncodeResult and DecodeResult do for arguments and
// results that are no plain copies.
var (
	EncodeBuffer = encodeBuffer
	EncodeRoom   = encodeRoom
	DecodeLen    = decodeLen
	EncodeFilled = encodeFilled
	FillBuffer   = fillBuffer

	EncodeState   = encodeState
	DecodeState   = decodeState
	EncodeWritten = encodeWritten
	FillState     = fillState

	EncodeLogValue = encodeLogValue
	DecodeLogValue = decodeLogValue
)

// Fill copies an argument back.
func Fill[A any](d *Decoder, argument A) { fill(d, argument) }
