package load

import (
	"context"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
)

// Builds knows the build constraints of a package's files, and the declarations in files
// of other builds.
type Builds struct {
	pkg     *Package
	ctx     context.Context
	exports map[string][]string
}

func newBuilds(ctx context.Context, pkg *Package) *Builds {
	return &Builds{pkg: pkg, ctx: ctx, exports: make(map[string][]string)}
}

// Constraint returns when file is part of its package, as an expression for a
// //go:build line; "" means always.
func (b *Builds) Constraint(file *ast.File) string {
	line := buildLine(file)
	c := Constraint(filepath.Base(b.pkg.files.at(file.Package)), line)
	switch anyOf := strings.Contains(line, "||"); {
	case !ImportsC(file) || !anyOf && slices.Contains(strings.Fields(line), "cgo"):
		return c
	case c == "":
		return "cgo"
	case c == line && anyOf:
		return "(" + c + ") && cgo"
	}
	return c + " && cgo"
}

// ConstraintOf returns the constraint of the file that declares obj. It returns "" if
// obj is predeclared, or of a package without source.
func (b *Builds) ConstraintOf(obj types.Object) string {
	if file := b.fileOf(obj); file != nil {
		return b.Constraint(file)
	}
	return ""
}

// fileOf returns the file that declares obj, parsed as far as its package clause at
// least, or nil.
func (b *Builds) fileOf(obj types.Object) *ast.File {
	at := b.pkg.files.at(obj.Pos())
	if obj.Pkg() == nil || at == "" {
		return nil
	}
	return b.pkg.files.head(b.pkg.Imports.sourcePath(obj.Pkg(), at))
}

// A Difference is a build that lacks an object or declares it otherwise.
type Difference struct {
	Build string   // such as "windows", or "linux with the tag purego"
	Files []string // names of those that declare the object alike, that of this build first
	Other string   // name of the file that declares it otherwise; "" if none declares it
}

// Differs returns a build that satisfies the constraint within and lacks obj, a method
// or a declaration of a package, or declares it otherwise. It returns nil if there is
// none. Builds for the systems that package rt supports count.
func (b *Builds) Differs(obj types.Object, within string) *Difference {
	file := b.fileOf(obj)
	if file == nil {
		return nil // predeclared, or of a package without source
	}
	here := b.Constraint(file)
	if here == "" || here == within || Uncovered(within, []string{here}) == "" {
		return nil
	}
	same, others := b.variants(obj, file)
	d := &Difference{Files: []string{filepath.Base(b.pkg.files.at(obj.Pos()))}}
	constraints := []string{here}
	for _, v := range same {
		d.Files, constraints = append(d.Files, v.name), append(constraints, v.constraint)
	}
	for _, v := range others {
		if d.Build = Uncovered(both(within, v.constraint), constraints); d.Build != "" {
			d.Other = v.name
			return d
		}
	}
	if d.Build = Uncovered(within, constraints); d.Build != "" {
		return d
	}
	return nil
}

// Files returns the files of the package in all its builds, but for tests and the files
// that loopgen wrote.
func (b *Builds) Files() []*ast.File {
	all := slices.Clone(b.pkg.Files)
	for _, other := range b.OtherFiles(b.pkg.Earlier) {
		if !isTest(b.pkg.files.at(other.Package)) {
			all = append(all, other.File)
		}
	}
	return all
}

// TypeLeftOut looks for a type in the files of the directory that are not part of the
// package in this build. It returns where the type is declared, and whether that is in
// a test; the position is invalid if there is no such type.
func (b *Builds) TypeLeftOut(name string) (at token.Position, test bool) {
	for _, path := range GoFiles(b.pkg.Dir) {
		if b.inThisBuild(path) || ignoredName(path) || slices.Contains(b.pkg.Earlier, path) {
			continue
		}
		file, _ := b.pkg.files.parse(path)
		if file == nil {
			continue
		}
		if spec := typeSpec(file, name); spec != nil {
			return b.pkg.Fset.Position(spec.Name.Pos()), isTest(path)
		}
	}
	return token.Position{}, false
}
