package generator

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/loopgen/loopgen/generator/internal/check"
	"github.com/loopgen/loopgen/generator/internal/load"
)

// outputPath returns the absolute path of the file generated for a type. For a type that
// the package does not declare, the name of the file is that in the generated names:
// other packages may declare several types of one name.
func outputPath(src *check.Source, o *Options, spec *check.TypeSpec) string {
	name := o.Output
	switch {
	case name != "":
	case spec.Declared():
		name = outputName(spec.Name)
	default:
		name = outputName(spec.Base(o.Name))
	}
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(src.Dir, name)
}

// outputName is the name of the file for a type called base. The go command ignores
// files whose names begin with an underscore.
func outputName(base string) string {
	return strings.TrimLeft(strings.ToLower(base)+"_loop.go", "_")
}

// writable returns an error unless the generated files may be written to the package's
// directory.
func writable(src *check.Source, o *Options) error {
	if !src.Writable() {
		return fmt.Errorf("package %s (%s) is not part of this module, and nothing is written outside of it: embed the type in one of your own",
			src.Path, src.Dir)
	}
	if dir := filepath.Dir(outputPath(src, o, src.Specs[0])); filepath.IsAbs(o.Output) && !load.SameFile(dir, src.Dir) {
		return fmt.Errorf("-output: %s is in another directory than the package (%s): give the name of a file, which goes beside the type", o.Output, src.Dir)
	}
	return nil
}
