//go:build !linux

package rundir

const serviceAnchor = "/var/run/loopgen"
