package sock

// peerPID returns 0: the kernel reports the process in a field that x/sys does not name.
func peerPID(int) int { return 0 }
