// Package wire has the bytes between a client and its daemon: frames, the messages in them,
// the rules of their CBOR, the handshake that opens a connection, and the hashes by which
// both sides compare their sources. It may touch an io.Reader, an io.Writer and byte
// slices. Sockets, files and deadlines belong to the callers.
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
// The files are kind.go and frame.go (frames and how they are written), reader.go and
// buffer.go (reading frames), strict.go and cbor.go (the CBOR that is accepted, and the encoding of Go values),
// messages.go and failure.go (the bodies of frames), greet.go, admit.go, handshake.go and
// proof.go (the handshake: the client's side, the daemon's side, the common part and the
// proofs), hash.go (hashes of signatures and configurations).
package wire
