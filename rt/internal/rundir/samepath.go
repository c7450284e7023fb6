package rundir

import "os"

// SamePath reports whether two paths name the same file or directory. If a cannot be
// examined, it reports whether the paths are equal. It may be called concurrently.
func SamePath(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return a == b
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
