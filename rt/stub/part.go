package stub

import "github.com/loopgen/loopgen/rt/internal/wire"

// Part is a capability that the core of a daemon does not have. Generated code hands
// it over in [Service.Part]. A service without a part pays nothing for this seam:
// frames of kinds that the core does not know are refused.
//
// The methods of a Part may be called concurrently.
type Part interface {
	// Connect is called when a client has been admitted, before its first frame is
	// read. The function send queues a frame for this client and writes it. It may be
	// called at any time, from every hook too; after the end of the connection it
	// does nothing.
	Connect(send func(wire.Frame)) PartConn
	// Status describes the part in one line of the daemon's status. An empty text
	// adds no line.
	Status() string
}

// PartConn has the hooks of a part for one connection. All hooks but Frame and Close may be
// called concurrently, for different calls.
type PartConn interface {
	// Frame handles a frame that the core does not handle itself, and reports whether this
	// part knows the kind. The goroutine that reads the connection calls Frame, so
	// it must not wait. The body is valid until Frame returns.
	Frame(f wire.Frame) bool
	// Begin is called right before the method, in the call's turn. A failure refuses
	// the call: the method is not called.
	Begin(c PartCall) *wire.Failure
	// End is called once for each call that this part's Begin has let pass, right
	// before the answer is queued. A failure is sent instead of the results, or instead
	// of c.Failure. The connection is locked meanwhile: End must not wait, nor ask for
	// the context of the call.
	End(c PartCall) *wire.Failure
	// Close is called when the connection has ended. Methods that still run end later.
	Close()
}

// PartCall is a call of which a part is told.
type PartCall struct {
	ID      uint64 // names the call on its connection
	Method  int    // the index in Service.Methods
	Request []byte // the encoded arguments, which the method may overwrite; valid during the hook
	Run     *Run

	// These are set in End only.

	Failure *wire.Failure // sent instead of the results, unless nil
	Over    error         // why the caller does not wait any more; nil: it waits
}
