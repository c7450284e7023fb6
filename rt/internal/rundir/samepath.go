package rundir

import "os"

// SamePath reports whether two paths name the same directory.
func SamePath(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return a == b
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
