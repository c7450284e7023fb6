package rt_test

import "github.com/loopgen/loopgen/rt"

// rawBytes and rawText keep the memory that their Unmarshal methods are given.
type (
	rawBytes struct{ b []byte }
	rawText  struct{ b []byte }
)

func (r rawBytes) MarshalBinary() ([]byte, error)     { return r.b, nil }
func (r *rawBytes) UnmarshalBinary(data []byte) error { r.b = data; return nil }
func (r rawText) MarshalText() ([]byte, error)        { return r.b, nil }
func (r *rawText) UnmarshalText(data []byte) error    { r.b = data; return nil }

// On every system, since the recorded endpoints list what this program has registered.
func init() {
	rt.RegisterType[rawBytes]()
	rt.RegisterType[rawText]()
}
