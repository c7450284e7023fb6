//go:build unix

package process

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

func fileID(_ string, info fs.FileInfo) (string, error) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", errors.New("the system says too little about the running program")
	}
	return fmt.Sprintf("%x-%x-%x-%x", uint64(stat.Dev), stat.Ino, info.ModTime().UnixNano(), info.Size()), nil
}
