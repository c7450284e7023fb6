package rundir

const serviceAnchor = "/run/loopgen"
