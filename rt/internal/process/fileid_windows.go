package process

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

func fileID(path string, info fs.FileInfo) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var id windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &id); err != nil {
		return "", os.NewSyscallError("GetFileInformationByHandle", err)
	}
	return fmt.Sprintf("%x-%x%08x-%x-%x", id.VolumeSerialNumber, id.FileIndexHigh, id.FileIndexLow, info.ModTime().UnixNano(), info.Size()), nil
}
