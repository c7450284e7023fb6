//go:build !linux

package rundir

const serviceBaseDir = "/var/run/loopgen"
