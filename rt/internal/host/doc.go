// Package host is the daemon's process: it makes the object, publishes the endpoint,
// listens, watches its files, handles signals and writes the log. It may touch files,
// locks, signals and listeners, each through its package. It never touches the object, a
// call or a frame: package daemon does. It does not know the client, only the start request
// and the start report.
//
// [Serve] is the process of a daemon that a client has started. A process that the service
// manager has started calls [NewSystemDaemon], [Host.Publish], [Host.Run] and
// [Host.CloseConns].
package host
