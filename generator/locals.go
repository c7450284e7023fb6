package generator

import (
	"slices"
	"strconv"

	"github.com/loopgen/loopgen/generator/internal/check"
)

// locals are the names inside one generated function, but for parameters and results.
type locals struct {
	ctx, err         string
	encoder, decoder string
	run, target      string
	cfg, args, conn  string
	object           string
}

// chooseLocals names receivers, parameters, results and helper variables.
// The user's names are kept unless the file needs them for something else.
func (s *shared) chooseLocals() {
	outer, n := s.outerNames(), &s.names
	n.values, n.locals = make(map[*check.Value]string), make(map[*check.Method]*locals)
	// One receiver name for all methods of a type.
	all := newScope(outer)
	for _, m := range s.Methods {
		for _, v := range slices.Concat(m.Params, m.Results) {
			all.taken[v.User] = true
		}
		all.taken[m.ErrName] = true
	}
	n.receiver.client = all.pick("c", "client")
	n.receiver.proxy = all.pick("p", "proxy")
	for _, m := range s.Methods {
		inner := newScope(outer)
		inner.taken[n.receiver.client] = true
		inner.taken[n.receiver.proxy] = true
		n.locals[m] = n.chooseLocals(m, inner)
	}
	inner := newScope(outer)
	if s.Constructor != nil {
		n.nameValues(inner, s.Constructor.Params, "arg", "Arg")
	}
	n.making.choose(inner)
}

// outerNames are the file's and package's names that generated functions use.
func (s *shared) outerNames() map[string]bool {
	outer := make(map[string]bool)
	for _, name := range s.names.imports {
		outer[name] = true
	}
	for t := range s.Types(nil) {
		if tn := check.TypeNameOf(t); tn != nil && tn.Pkg() == s.Src.Types {
			outer[tn.Name()] = true
		}
	}
	for _, name := range []string{s.names.client, s.names.proxy, s.names.service} {
		outer[name] = true
	}
	for _, name := range s.names.typeParams {
		outer[name] = true
	}
	for _, name := range s.Constructor.Names() {
		outer[name] = true
	}
	return outer
}

func (n *names) chooseLocals(m *check.Method, inner *scope) *locals {
	if m.Context >= 0 && m.Params[m.Context].User == "" {
		m.Params[m.Context].User = "ctx"
	}
	n.nameValues(inner, m.Params, "arg", "Arg")
	n.nameValues(inner, m.Results, "r", "Result")
	l := new(locals)
	if m.Fails && m.ErrName != "" {
		l.err = inner.pick(m.ErrName, m.ErrName+"Result")
	}
	if m.Context >= 0 {
		l.ctx = n.values[m.Params[m.Context]]
	}
	l.choose(inner)
	return l
}

// nameValues keeps the users' names where it can and numbers the unnamed.
func (n *names) nameValues(inner *scope, values []*check.Value, unnamed, suffix string) {
	// All of the user's names go first: a number must not take one.
	for _, v := range values {
		if v.User != "" {
			n.values[v] = inner.pick(v.User, v.User+suffix)
		}
	}
	for i, v := range values {
		if v.User == "" {
			n.values[v] = inner.pick(unnamed + strconv.Itoa(i))
		}
	}
}

// choose fills what is still empty.
func (l *locals) choose(inner *scope) {
	if l.ctx == "" {
		l.ctx = inner.pick("ctx", "callCtx")
	}
	if l.err == "" {
		l.err = inner.pick("err", "callErr")
	}
	l.encoder = inner.pick("e", "enc")
	l.decoder = inner.pick("d", "dec")
	l.run = inner.pick("run", "call")
	l.target = inner.pick("target", "object")
	l.cfg = inner.pick("cfg", "config")
	l.args = inner.pick("args", "decoder")
	l.conn = inner.pick("conn")
	l.object = inner.pick("v", "object")
}
