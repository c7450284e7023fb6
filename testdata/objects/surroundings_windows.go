package objects

func sessionAndUmask() (session, umask int) { return 0, 0 }
