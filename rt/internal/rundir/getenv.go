package rundir

import "os"

// Getenv returns a variable of the environment that is a setting of this module. It returns
// "" in a program with more rights than the user that started it: that user sets the
// environment, which must not decide about the program's rights. Getenv may be called
// concurrently.
func Getenv(name string) string {
	value := os.Getenv(name)
	if value != "" && Privileged() {
		return ""
	}
	return value
}
