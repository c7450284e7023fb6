// Package wire is what travels between a client and its daemon: frames, the
// messages in them, the rules of their CBOR, the handshake that opens a
// connection, and the hashes by which both sides compare what they were built
// from. Everything here works on an io.Reader, an io.Writer or a byte slice;
// sockets, files and deadlines belong to the callers.
//
// A client greets and a daemon admits:
//
//	r := wire.NewReader(conn, wire.MaxFrame)
//	welcome, err := wire.Greet(r, conn, key, hello)
//	...
//	frame := wire.Frame{Kind: wire.KindCall, Method: 3, ID: 1, Body: body}
//	buf, err := frame.Append(nil)
//	_, err = conn.Write(buf)
//	reply, err := r.Next()
//
// The bytes are specified in PROTOCOL.md of package rt. The specification,
// this code and the vectors in testdata/wire change in one commit.
//
// The map: kind.go and frame.go (what a frame is and how it is written),
// reader.go (how frames are read), strict.go and cbor.go (which CBOR is
// accepted and how Go values become it), messages.go and failure.go (what the
// frames say), greet.go, admit.go, handshake.go and proof.go (how two strangers
// come to trust each other: the client, the daemon, what they share, what they
// prove), hash.go (signatures and configurations).
package wire
