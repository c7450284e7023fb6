package rundir

import "os"

// Getenv returns a variable of the environment that is a setting of this module,
// and "" in a program with more rights than the user that started it: there the
// environment is that user's, and would decide with the rights of the other. It may
// be called concurrently.
func Getenv(name string) string {
	value := os.Getenv(name)
	if value != "" && Privileged() {
		return ""
	}
	return value
}
