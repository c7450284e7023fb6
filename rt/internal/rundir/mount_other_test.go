//go:build unix && !linux

package rundir_test

import "errors"

const readOnly = 0

func mount(string, uintptr, string) error { return errors.ErrUnsupported }

func unmount(string) {}
