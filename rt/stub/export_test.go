package stub

// These are what EncodeArg, DecodeArg, EncodeResult and DecodeResult do for arguments and
// results that are no plain copies.
var (
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

func EncodeBuffer(e *Encoder, p []byte) { encodeBuffer(e, p, false) }
func EncodeRoom(e *Encoder, p []byte)   { encodeBuffer(e, p, true) }

// Fill copies an argument back.
func Fill[A any](d *Decoder, a A) {
	arg := argumentOf(whole, &a)
	fill(d, arg.value())
}

// FillChanges copies the differences of an argument back.
func FillChanges[A any](d *Decoder, a A) {
	arg := argumentOf(compared, &a)
	fillChanges(d, &arg)
}

// SendBack encodes the arguments that come back.
func SendBack(run *Run) { run.sendBack() }

// TakeBack decodes the arguments that come back.
func TakeBack(sent *Encoder, d *Decoder) { sent.takeBack(d) }
