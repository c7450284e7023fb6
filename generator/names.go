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
func (s *shared) chooseNames(r *check.Reporter, o *Options, chosen nameSet) bool {
	pkg := s.packageScope(o, chosen)
	if !s.checkPredeclared(r, pkg) {
		return false
	}
	base := s.Spec.Base(o.Name)
	n := &s.names
	public := publicNames(base)
	n.base, n.api, n.client, n.proxy, n.share = base, public[0], public[1], public[2], public[3]
	ok := true
	for _, name := range public {
		if pos, taken := pkg.has(name); taken {
			at := ""
			if pos.IsValid() {
				at = " in " + filepath.Base(s.Src.Fset.Position(pos).Filename)
			}
			r.Report(Error, s.Pos, s.TypeName(), "the name "+name+" is already taken"+at, "choose other names with -name, as in -name "+pkg.freeBase(base))
			ok = false
		}
		pkg.take(name)
	}
	private := strings.TrimLeft(check.LowerFirst(base), "_")
	n.service = pkg.pick(private+"Service", private+"LoopService")
	// The other types of the run have other names than these.
	for _, name := range append(public[:], n.service) {
		chosen[name] = token.NoPos
	}
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
func (s *shared) checkPredeclared(r *check.Reporter, pkg *scope) bool {
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
		if pos, declared := pkg.taken[name]; declared {
			r.Add(Diagnostic{Pos: s.Src.Fset.Position(pos), Method: name, Severity: Error,
				Reason: "hides the predeclared " + name + ", which generated code needs", Remedy: "give it another name"})
			ok = false
		}
	}
	return ok
}

// chooseImports chooses a name for each import: the package's own where that is free,
// else one with more of its path.
func (s *shared) chooseImports(pkg *scope) {
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
	scope := newScope(pkg.taken)
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
			scope.take(tn.Name())
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
func (s *scope) freeBase(base string) string {
	for {
		base = "Shared" + check.UpperFirst(base)
		names := publicNames(base)
		if !slices.ContainsFunc(names[:], func(name string) bool { _, taken := s.has(name); return taken }) {
			return base
		}
	}
}
