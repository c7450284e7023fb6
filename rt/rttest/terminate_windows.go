package rttest

import "os"

// terminate ends a daemon: Windows has no signal that asks.
var terminate = os.Kill
