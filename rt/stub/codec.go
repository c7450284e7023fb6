package stub

import "reflect"

type Encoder struct {
	buf []byte
	err error
}

type Decoder struct {
	rest []byte
	err  error
}

func NewEncoder(s *Service, limit int) *Encoder              { panic("skeleton") }
func NewDecoder(s *Service, body []byte) (*Decoder, error)    { panic("skeleton") }
func Encode[T any](e *Encoder, v T)                           { panic("skeleton") }
func Decode[T any](d *Decoder, v *T)                          { panic("skeleton") }
func (e *Encoder) Error(err error)                            { panic("skeleton") }
func (e *Encoder) Finish() ([]byte, error)                    { panic("skeleton") }
func (d *Decoder) Error() error                               { panic("skeleton") }
func (d *Decoder) End() error                                 { panic("skeleton") }
func SignatureOf(method reflect.Type) string                  { panic("skeleton") }

type Sentinel struct {
	Name  string
	Error error
}
type ErrorType struct{ name string }

func ErrorTypeOf[E error](name string) ErrorType { return ErrorType{name} }
