package sock

// peerPID knows no process: the kernel tells it in a field that x/sys does not
// name.
func peerPID(int) int { return 0 }
