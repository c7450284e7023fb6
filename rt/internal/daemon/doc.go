// Package daemon hosts one object and serves calls of its methods. It may touch the object
// and accepted connections only: it opens no file, starts no process and knows no directory.
//
//   - A connection is admitted in admission.go. Then serverConn.read reads its frames, and
//     serverConn.take handles each by its kind.
//   - A call may wait in acquireMemory for memory for its arguments; in turn.wait for the
//     turn; in servedCall.Turn until the frames that had arrived are read, and until its
//     client has read earlier replies; in reply for space in the write queue.
//   - The method runs while its ticket has the turn. It runs on the goroutine that reads
//     the connection if inlineRunner allows, otherwise on one of its own.
//   - Replies wait in the connection's write queue until the client reads them.
//   - SIGTERM: package host calls Daemon.BeginShutdown, which closes the turn and refuses
//     the queue. Daemon.FinishShutdown then sends going-away, waits for the running calls,
//     closes the connections, waits for the calls that release their acquisitions, and
//     closes the object. Package host removes the endpoint and the socket; locks and log
//     stay. A daemon whose process goes on, as with rt.Serve, then calls CloseConns.
//   - There are no callbacks yet; package wire reserves their kinds of frames, and its
//     Kind.supported must admit them. They would be a part, see part.go and stub.Part:
//     Part.Connect gets the function that sends a frame, and PartConn.Frame gets the reply.
//     In the client, link.readFrame of package rt would receive them.
//
// Daemon.mu guards admission, counts and shutdown; turn.mu guards the queue; serverConn.mu
// guards the calls of a connection.
package daemon
