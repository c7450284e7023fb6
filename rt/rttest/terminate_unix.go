//go:build unix

package rttest

import "syscall"

// terminate makes a daemon finish its calls and leave.
const terminate = syscall.SIGTERM
