package rttest

import "os"

// terminate kills a daemon: Windows has no signal that asks a process to exit.
var terminate = os.Kill
