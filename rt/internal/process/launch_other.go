//go:build !linux && !windows

package process

import "os"

func launch(path string, args []string, attr *os.ProcAttr) (*os.Process, error) {
	return os.StartProcess(path, args, attr)
}
