// Package load loads the package that declares the types, and the packages that it needs.
// Only this package runs the go command, reads files, and knows build constraints, the
// output of earlier runs, package C, and the types in function bodies. It reports no
// diagnostics: it returns facts and errors, and the generator judges them.
//
//	pkg, err := load.Load(ctx, load.Config{Dir: dir})
//
// # Map
//
// package.go has Package, the entry; list.go finds its directory and its files;
// typecheck.go finds its types.
//
// imports.go has Imports: the types of other packages, from export data.
//
// builds.go has Builds: in which builds the files and declarations are, by constraint.go
// (the arithmetic of build constraints), variants.go (other declarations of the same
// object) and otherfile.go (files that this build leaves out).
//
// bodies.go has Bodies: functions whose source is at hand, by declarations.go.
//
// Below them are files.go (each file is parsed once), packagec.go (a stand-in for package
// C), output.go (files that loopgen wrote), overlay.go (overlays of the go command) and
// modules.go (what go.mod and go.sum lack). fromfiles.go loads a package without the go
// command, for tests.
//
// Nothing in this package may be used concurrently, except by several calls of Load.
package load
