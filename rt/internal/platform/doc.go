// Package platform compiles only on the systems that package rt is written for.
// Packages with files for particular systems import it, so that the compiler
// reports one error elsewhere, which lists the systems, and nothing that follows
// from it.
package platform
