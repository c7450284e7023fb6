package stub

import "github.com/loopgen/loopgen/rt/internal/value"

// EncodeArguments returns the message of the constructor's arguments, of at most limit
// bytes, and their configuration, by which clients find the same object. encode appends the
// arguments one by one. The errors are those of [Encoder.Finish]. It may be called
// concurrently.
func EncodeArguments(s *Service, limit int, encode func(*Encoder)) (message []byte, configuration value.Configuration, err error) {
	e := NewEncoder(s, limit)
	e.config = value.NewConfigWriter(len(e.buf))
	if encode != nil {
		encode(e)
	}
	if message, err = e.Finish(); err != nil {
		return nil, value.Configuration{}, err
	}
	return message, e.config.Finish(), nil
}
