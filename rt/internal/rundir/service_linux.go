package rundir

const serviceBaseDir = "/run/loopgen"
