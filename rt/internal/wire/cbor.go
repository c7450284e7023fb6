package wire

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// Marshal returns the deterministic CBOR of v: shortest forms, map keys in the
// bytewise order of their encodings (RFC 8949, 4.2.1). It returns an error for
// a value that CBOR or Go's own marshallers refuse, and for one that Unmarshal
// would refuse: nested deeper than MaxNesting, an array or map of more than
// MaxElements, a string that is not UTF-8, a tag.
//
// Three things are the caller's to prevent: a cyclic value, which exhausts the
// stack; a time.Time whose zone offset has seconds, which would be shifted;
// and a non-nil pointer to something that encodes as null (a nil pointer, map
// or slice, or the zero time), which comes back nil.
//
// Marshal may be called concurrently.
func Marshal(v any) ([]byte, error) {
	data, err := codec().enc.Marshal(v)
	if err == nil {
		err = checkOne(data)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding %T: %w", v, err)
	}
	return data, nil
}

// MarshalTo appends the CBOR of v to buf, by the rules of Marshal. After an error buf is
// unchanged. It may be called concurrently with other buffers.
func MarshalTo(buf *bytes.Buffer, v any) error {
	start := buf.Len()
	err := codec().enc.MarshalToBuffer(v, buf)
	if err == nil {
		err = checkOne(buf.Bytes()[start:])
	}
	if err != nil {
		buf.Truncate(start)
		return fmt.Errorf("encoding %T: %w", v, err)
	}
	return nil
}

// Unmarshal decodes data, which must be one CBOR item, into the value that v points to. The
// value should be a fresh one, since maps are merged and slices overwritten. Unmarshal
// returns an error for everything that Marshal does not produce from a value of that type,
// except for key order and the shortness of integers. Errors are: duplicate keys, indefinite
// lengths, unknown fields (names match exactly), trailing bytes, more than MaxNesting or
// MaxElements, text that is not UTF-8, tags other than time and bignum, undefined and other
// simple values. After an error the value is unspecified.
//
// Go's CBOR library cannot detect some differences: null for a value that cannot be nil,
// which stays zero; a missing field, which stays zero as well; surplus elements or bytes for
// a Go array, which are dropped; an integer for a float; a time or bignum tag around an item
// that is decoded into a string, slice or integer. A signalling NaN becomes quiet. Unmarshal
// methods get parts of data, which they must not keep.
//
// Unmarshal may be called concurrently.
func Unmarshal(data []byte, v any) error {
	return unmarshal(codec().strict, data, v)
}

// UnmarshalOpen is Unmarshal for messages to which later versions add fields: it ignores
// fields that v does not have. It may be called concurrently.
func UnmarshalOpen(data []byte, v any) error {
	return unmarshal(codec().open, data, v)
}

// UnmarshalFirst decodes the first item of data by the rules of Unmarshal and returns the
// bytes after the item, which it does not examine. When the item is refused, it returns data
// and an error. It may be called concurrently.
func UnmarshalFirst(data []byte, v any) (rest []byte, err error) {
	end, err := check(data, 0, 0)
	if err == nil {
		err = codec().strict.Unmarshal(data[:end], v)
	}
	if err != nil {
		return data, fmt.Errorf("decoding %T: %w", v, err)
	}
	return data[end:], nil
}

func unmarshal(mode cbor.DecMode, data []byte, v any) error {
	err := checkOne(data)
	if err == nil {
		err = mode.Unmarshal(data, v)
	}
	if err != nil {
		return fmt.Errorf("decoding %T: %w", v, err)
	}
	return nil
}

// modes are the library's configurations, all of them safe for concurrent use.
type modes struct {
	enc    cbor.UserBufferEncMode
	strict cbor.DecMode
	open   cbor.DecMode
}

// codec makes the modes on first use, so that a program that never connects does not pay
// for them. It panics when the library refuses the options, which are constants: every test
// would fail.
var codec = sync.OnceValue(func() modes {
	var m modes
	var err error
	if m.enc, err = encOptions().UserBufferEncMode(); err != nil {
		panic(err)
	}
	options := decOptions()
	if m.open, err = options.DecMode(); err != nil {
		panic(err)
	}
	options.ExtraReturnErrors = cbor.ExtraDecErrorUnknownField
	if m.strict, err = options.DecMode(); err != nil {
		panic(err)
	}
	return m
})

func encOptions() cbor.EncOptions {
	return cbor.EncOptions{
		Sort:            cbor.SortCoreDeterministic,
		ShortestFloat:   cbor.ShortestFloat16,
		NaNConvert:      cbor.NaNConvertPreserveSignal, // the payload of a NaN survives; package stub decodes it
		InfConvert:      cbor.InfConvertFloat16,
		BigIntConvert:   cbor.BigIntConvertShortest,
		Time:            cbor.TimeRFC3339Nano,
		TimeTag:         cbor.EncTagRequired,
		IndefLength:     cbor.IndefLengthForbidden,
		NilContainers:   cbor.NilContainerAsNull, // nil and empty stay different
		OmitEmpty:       cbor.OmitEmptyGoValue,   // as in encoding/json
		ByteArray:       cbor.ByteArrayToByteSlice,
		BinaryMarshaler: cbor.BinaryMarshalerByteString,
		TextMarshaler:   cbor.TextMarshalerTextString,
	}
}

// decOptions has no ExtraReturnErrors: only the strict mode has them. Where the library can,
// it refuses again the items that check has refused.
func decOptions() cbor.DecOptions {
	return cbor.DecOptions{
		DupMapKey:           cbor.DupMapKeyEnforcedAPF,
		TimeTag:             cbor.DecTagRequired,
		MaxNestedLevels:     MaxNesting,
		MaxArrayElements:    MaxElements,
		MaxMapPairs:         MaxElements,
		IndefLength:         cbor.IndefLengthForbidden,
		UTF8:                cbor.UTF8RejectInvalid,
		FieldNameMatching:   cbor.FieldNameMatchingCaseSensitive,
		FieldNameByteString: cbor.FieldNameByteStringForbidden,
		ByteStringToString:  cbor.ByteStringToStringForbidden,
		ByteStringToTime:    cbor.ByteStringToTimeForbidden,
		BinaryUnmarshaler:   cbor.BinaryUnmarshalerByteString,
		TextUnmarshaler:     cbor.TextUnmarshalerTextString,
	}
}
