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

	"github.com/loopgen/loopgen/generator/internal/check"
	"github.com/loopgen/loopgen/generator/internal/emit"
)

const (
	runtimePath = "github.com/loopgen/loopgen/rt"
	stubPath    = "github.com/loopgen/loopgen/rt/stub"
)

// shared is a type to be shared with the names in its file.
type shared struct {
	*check.Service
	names names
}

// names are those that a generated file declares and imports.
type names struct {
	base                      string // the type's name, or the name that -name gives
	api, client, proxy, share string // part of the public face: taken ones are errors
	service                   string
	imports                   map[string]string // import path to name
	receiver                  struct{ client, proxy string }
	qualifier                 func(*types.Package) string
	typeParams                map[*types.TypeParam]string
	values                    map[*check.Value]string // parameters and results
	locals                    map[*check.Method]emit.Locals
	making                    emit.Locals // of the constructor's function
}

// chooseNames fills s.names and the names of all parameters and results. It
// returns false after reporting that one of the public names is taken.
func (s *shared) chooseNames(r *check.Reporter, o *Options, whole *packageScope) bool {
	pkg := whole.clone()
	for _, earlier := range s.Src.Earlier {
		if earlier != s.Output && !regenerated(s.Src, o, earlier) {
			pkg.addOutput(s.Service, earlier)
		}
	}
	pkg.addLeftOut(s.Service, s.Src.Builds.LeftOut())
	// Names that only this type's builds have are free for the other types of the run.
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
	base := s.Spec.Base(o.Name)
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
			r.Report(Error, s.Pos, s.TypeName(), "the name "+name+" is already taken"+at, "choose other names with -name, as in -name "+pkg.freeBase(base))
			ok = false
		}
		pkg.taken[name] = true
	}
	private := strings.TrimLeft(check.LowerFirst(base), "_")
	n.service = pkg.pick(private+"Service", private+"LoopService")
	s.chooseImports(pkg)
	s.chooseTypeParams()
	s.chooseLocals()
	return ok
}

// publicNames are the names of the interface, the client, the proxy and the
// share function for a type called base, exported if it is.
func publicNames(base string) [4]string {
	share := "share" + check.UpperFirst(base)
	if token.IsExported(base) {
		share = "Share" + base
	}
	return [4]string{base + "API", base + "Client", base + "Proxy", share}
}

// regenerated reports whether the run that o describes writes path.
func regenerated(src *check.Source, o *Options, path string) bool {
	return slices.ContainsFunc(src.Specs, func(spec *check.TypeSpec) bool { return outputPath(src, o, spec) == path })
}

// checkPredeclared reports package-level names that hide predeclared ones
// which the generated file needs.
func (s *shared) checkPredeclared(r *check.Reporter, pkg *packageScope) bool {
	needed := map[string]bool{"any": true, "error": true, "nil": true, "string": true}
	for t := range s.Types(nil) {
		if basic, ok := t.(*types.Basic); ok {
			needed[basic.Name()] = true
		}
		if tn := check.TypeNameOf(t); tn != nil && tn.Pkg() == nil {
			needed[tn.Name()] = true // comparable
		}
	}
	ok := true
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		pos, declared := pkg.aside[name]
		if obj := s.Src.Types.Scope().Lookup(name); obj != nil {
			pos, declared = s.Src.Fset.Position(obj.Pos()), true
		}
		if declared {
			r.Add(Diagnostic{Pos: pos, Method: name, Severity: Error,
				Reason: "hides the predeclared " + name + ", which generated code needs", Remedy: "give it another name"})
			ok = false
		}
	}
	return ok
}

// chooseImports chooses a name for each import: the package's own where that is free,
// else one with more of its path.
func (s *shared) chooseImports(pkg *packageScope) {
	used := map[string]string{"context": "context", runtimePath: "rt", stubPath: "stub"}
	use := func(p *types.Package) {
		if p != nil && p != s.Src.Types {
			used[p.Path()] = p.Name()
		}
	}
	for t := range s.Types(s.DataTypes) {
		if tn := check.TypeNameOf(t); tn != nil {
			use(tn.Pkg())
		}
	}
	if slices.ContainsFunc(s.Methods, func(m *check.Method) bool { return m.Timeout > 0 && !m.Detach }) {
		used["time"] = "time"
	}
	for _, p := range s.Constructor.Packages() {
		use(p)
	}
	for _, v := range s.Sentinels {
		use(v.Pkg())
	}
	for _, e := range s.ErrorTypes {
		use(e.Obj.Pkg())
	}
	// The runtime's own names go first: a reader looks for them.
	order := []string{"context", runtimePath, stubPath}
	for _, p := range slices.Sorted(maps.Keys(used)) {
		if !slices.Contains(order, p) {
			order = append(order, p)
		}
	}
	s.names.imports = make(map[string]string)
	scope := &scope{taken: maps.Clone(pkg.taken)}
	// A package imported by a file of the user under its own name is no
	// obstacle to importing it under the same name here.
	for name := range pkg.declared {
		if _, aside := pkg.aside[name]; !aside && onlyImported(s.Src.Types.Scope(), name) || pkg.imported[name] {
			delete(scope.taken, name)
		}
	}
	for _, p := range order {
		if name, ok := used[p]; ok {
			s.names.imports[p] = scope.pick(name, longerName(p, name))
		}
	}
	s.names.qualifier = func(p *types.Package) string {
		if p == s.Src.Types {
			return ""
		}
		return s.names.imports[p.Path()]
	}
}

// chooseTypeParams keeps the user's names unless the file needs them for
// something else.
func (s *shared) chooseTypeParams() {
	scope := newScope(s.outerNames())
	for t := range s.Types(s.DataTypes) {
		if tn := check.TypeNameOf(t); tn != nil && tn.Pkg() == s.Src.Types {
			scope.taken[tn.Name()] = true
		}
	}
	s.names.typeParams = make(map[*types.TypeParam]string)
	for _, p := range s.Params {
		if name := p.Obj().Name(); name != "_" {
			s.names.typeParams[p] = scope.pick(name, "T"+check.UpperFirst(strings.TrimLeft(name, "_")))
		}
	}
	for _, p := range s.Params {
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
		base = "Shared" + check.UpperFirst(base)
		names := publicNames(base)
		if !slices.ContainsFunc(names[:], func(name string) bool { return p.taken[name] }) {
			return base
		}
	}
}
