//go:build !linux

package inspect

// runningDirs returns none: this system does not list the open files of processes.
func runningDirs() []string { return nil }

// stopped returns false: this package does not ask this system.
func stopped(int) bool { return false }

// holders returns none, as stopped does.
func holders(string) []int { return nil }

// innermost returns pid: these systems have no such namespaces.
func innermost(pid int) int { return pid }

// commandOf returns "", as stopped does.
func commandOf(int) string { return "" }

// imageOf returns "", as stopped does.
func imageOf(int) string { return "" }

// examine returns nothing, as stopped does.
func examine(string) (disk fileSystem, ok bool) { return fileSystem{}, false }

// writable returns true, as stopped returns false.
func writable(string) bool { return true }
