// Package rt declares the type that the public package rt exports as RemoteError.
// Package stub builds values of the type and must not import the public package;
// and the type's name, as %T prints it, has the name of the package that declares
// it. Nothing else belongs here.
package rt

// RemoteError is documented at rt.RemoteError.
type RemoteError struct {
	// Type is the Go type of the error in the daemon, such as "*fmt.wrapError".
	Type string
	// Message is the text of the error, at most 64 KiB.
	Message string
	// Err is the wrapped error: nil, an error, or several made one by errors.Join.
	Err error
}

// Error returns Message, unchanged.
func (e *RemoteError) Error() string { return e.Message }

// Unwrap returns Err, so that errors.Is and errors.As find the wrapped error.
func (e *RemoteError) Unwrap() error { return e.Err }
