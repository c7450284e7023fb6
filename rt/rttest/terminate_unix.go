//go:build unix

package rttest

import "syscall"

// terminate makes a daemon finish its calls and exit.
const terminate = syscall.SIGTERM
