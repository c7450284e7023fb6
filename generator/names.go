package generator

import (
	"go/token"
	"go/types"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

const (
	runtimePath = "github.com/loopgen/loopgen/rt"
	stubPath    = "github.com/loopgen/loopgen/rt/stub"
)

// shared is a type to be shared with the names in its file.
type shared struct {
	*service
	names names
}

// names are those that a generated file declares and imports.
type names struct {
	base                      string // the type's name, or what -name puts in its place
	api, client, proxy, share string // part of the public face: taken ones are errors
	service                   string
	imports                   map[string]string // import path to name
	receiver                  struct{ client, proxy string }
	qualifier                 func(*types.Package) string
	typeParams                map[*types.TypeParam]string
	values                    map[*value]string // parameters and results
	locals                    map[*method]*locals
	making                    locals // of the constructor's function
}

// chooseNames fills s.names and the names of all parameters and results. It
// returns false after reporting that one of the public names is taken.
func (s *shared) chooseNames(r *reporter, o *Options, whole *packageScope) bool {
	pkg := whole.clone()
	for _, earlier := range s.src.Earlier {
		if earlier != s.output && !regenerated(s.src, o, earlier) {
			pkg.addOutput(s.service, earlier)
		}
	}
	pkg.addLeftOut(s.service, s.src.Builds.LeftOut())
	// What only this type's builds have is no obstacle to the other types of the run.
	before := maps.Clone(pkg.taken)
	defer func() {
		for name := range pkg.taken {
			if !before[name] {
				whole.taken[name] = true
			}
		}
	}()
	if !s.checkPredeclared(r, pkg) {
		return false
	}
	base := s.spec.base(o.Name)
	n := &s.names
	public := publicNames(base)
	n.base, n.api, n.client, n.proxy, n.share = base, public[0], public[1], public[2], public[3]
	ok := true
	for _, name := range public {
		if pkg.taken[name] {
			at := ""
			if pos := pkg.declared[name]; pos.IsValid() {
				at = " in " + filepath.Base(pos.Filename)
			}
			r.report(Error, s.pos, s.typeName(), "the name "+name+" is already taken"+at, "choose other names with -name, as in -name "+pkg.freeBase(base))
			ok = false
		}
		pkg.taken[name] = true
	}
	private := strings.TrimLeft(lowerFirst(base), "_")
	n.service = pkg.pick(private+"Service", private+"LoopService")
	s.chooseImports(pkg)
	s.chooseTypeParams()
	s.chooseLocals()
	return ok
}

// publicNames are the names of the interface, the client, the proxy and the
// share function for a type called base, exported if it is.
func publicNames(base string) [4]string {
	share := "share" + upperFirst(base)
	if token.IsExported(base) {
		share = "Share" + base
	}
	return [4]string{base + "API", base + "Client", base + "Proxy", share}
}

// regenerated reports whether the run that o describes writes path.
func regenerated(src *source, o *Options, path string) bool {
	return slices.ContainsFunc(src.specs, func(spec *typeSpec) bool { return outputPath(src, o, spec) == path })
}

// checkPredeclared reports package-level names that hide predeclared ones
// which the generated file needs.
func (s *shared) checkPredeclared(r *reporter, pkg *packageScope) bool {
	needed := map[string]bool{"any": true, "error": true, "nil": true, "string": true}
	for t := range s.types(nil) {
		if basic, ok := t.(*types.Basic); ok {
			needed[basic.Name()] = true
		}
		if tn := typeNameOf(t); tn != nil && tn.Pkg() == nil {
			needed[tn.Name()] = true // comparable
		}
	}
	ok := true
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		if obj := s.src.Types.Scope().Lookup(name); obj != nil {
			r.report(Error, obj.Pos(), name, "hides the predeclared "+name+", which generated code needs", "give it another name")
			ok = false
		} else if pos, declared := pkg.aside[name]; declared {
			r.add(Diagnostic{Pos: pos, Method: name, Severity: Error,
				Reason: "hides the predeclared " + name + ", which generated code needs", Remedy: "give it another name"})
			ok = false
		}
	}
	return ok
}

// chooseImports names what the file imports: by the package's own name where
// that is free, else by more of its path.
func (s *shared) chooseImports(pkg *packageScope) {
	used := map[string]string{"context": "context", runtimePath: "rt", stubPath: "stub"}
	for t := range s.types(s.dataTypes) {
		tn := typeNameOf(t)
		if tn != nil && tn.Pkg() != nil && tn.Pkg() != s.src.Types {
			used[tn.Pkg().Path()] = tn.Pkg().Name()
		}
	}
	if slices.ContainsFunc(s.methods, func(m *method) bool { return m.timeout > 0 && !m.detach }) {
		used["time"] = "time"
	}
	use := func(p *types.Package) {
		if p != s.src.Types {
			used[p.Path()] = p.Name()
		}
	}
	for _, p := range s.constructor.packages() {
		use(p)
	}
	for _, v := range s.sentinels {
		use(v.Pkg())
	}
	for _, e := range s.errorTypes {
		use(e.obj.Pkg())
	}
	// The runtime's own names go first: they are what the reader looks for.
	order := []string{"context", runtimePath, stubPath}
	for _, p := range slices.Sorted(maps.Keys(used)) {
		if !slices.Contains(order, p) {
			order = append(order, p)
		}
	}
	s.names.imports = make(map[string]string)
	scope := newScope(pkg.taken)
	// A package imported by a file of the user under its own name is no
	// obstacle to importing it under the same name here.
	for name := range pkg.declared {
		if _, aside := pkg.aside[name]; !aside && onlyImported(s.src.Types.Scope(), name) || pkg.imported[name] {
			delete(scope.taken, name)
		}
	}
	for _, p := range order {
		if name, ok := used[p]; ok {
			s.names.imports[p] = scope.pick(name, longerName(p, name))
		}
	}
	s.names.qualifier = func(p *types.Package) string {
		if p == s.src.Types {
			return ""
		}
		return s.names.imports[p.Path()]
	}
}

// chooseTypeParams keeps the user's names unless the file needs them for
// something else.
func (s *shared) chooseTypeParams() {
	scope := newScope(s.outerNames())
	for t := range s.types(s.dataTypes) {
		if tn := typeNameOf(t); tn != nil && tn.Pkg() == s.src.Types {
			scope.taken[tn.Name()] = true
		}
	}
	s.names.typeParams = make(map[*types.TypeParam]string)
	for _, p := range s.params {
		if name := p.Obj().Name(); name != "_" {
			s.names.typeParams[p] = scope.pick(name, "T"+upperFirst(strings.TrimLeft(name, "_")))
		}
	}
	for _, p := range s.params {
		if p.Obj().Name() == "_" {
			s.names.typeParams[p] = scope.pick("T")
		}
	}
}

// onlyImported reports whether name is an import in some file, or dot-imported,
// but not a package-level name. Only dot-imported ones stay taken.
func onlyImported(whole *types.Scope, name string) bool {
	if whole.Lookup(name) != nil {
		return false
	}
	imported := false
	for i := range whole.NumChildren() {
		if obj := whole.Child(i).Lookup(name); obj != nil {
			if _, ok := obj.(*types.PkgName); !ok {
				return false
			}
			imported = true
		}
	}
	return imported
}

// longerName puts the element before the last in front: crypto/rand gives
// cryptorand.
func longerName(importPath, name string) string {
	var letters strings.Builder
	for _, c := range path.Base(path.Dir(importPath)) {
		if unicode.IsLetter(c) || unicode.IsDigit(c) && letters.Len() > 0 {
			letters.WriteRune(unicode.ToLower(c))
		}
	}
	return letters.String() + name
}

// freeBase returns a name for -name that makes no name of the package.
func (p *packageScope) freeBase(base string) string {
	for {
		base = "Shared" + upperFirst(base)
		names := publicNames(base)
		if !slices.ContainsFunc(names[:], func(name string) bool { return p.taken[name] }) {
			return base
		}
	}
}
