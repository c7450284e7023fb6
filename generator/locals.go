package generator

import (
	"maps"
	"slices"
	"strconv"

	"github.com/loopgen/loopgen/generator/internal/check"
	"github.com/loopgen/loopgen/generator/internal/emit"
)

// chooseLocals names receivers, parameters, results and helper variables.
// The user's names are kept unless the file needs them for something else.
func (s *shared) chooseLocals() {
	outer, n := s.outerNames(), &s.names
	n.values, n.locals = make(map[*check.Value]string), make(map[*check.Method]emit.Locals)
	// One receiver name for all methods of a type.
	all := newScope(outer)
	for _, m := range s.Methods {
		for _, v := range slices.Concat(m.Params, m.Results) {
			all.take(v.User)
		}
		all.take(m.ErrName)
	}
	n.receiver.client = all.pick("c", "client")
	n.receiver.proxy = all.pick("p", "proxy")
	for _, m := range s.Methods {
		inner := newScope(outer)
		inner.take(n.receiver.client, n.receiver.proxy)
		n.locals[m] = n.chooseLocals(m, inner)
	}
	inner := newScope(outer)
	if s.Constructor != nil {
		n.nameValues(inner, s.Constructor.Params, "arg", "Arg")
	}
	n.making = fillLocals(emit.Locals{}, inner)
}

// outerNames are the file's and package's names that generated functions use.
func (s *shared) outerNames() nameSet {
	outer := newScope(nil)
	outer.take(slices.Collect(maps.Values(s.names.imports))...)
	outer.take(slices.Collect(maps.Values(s.names.typeParams))...)
	outer.take(s.Constructor.Names()...)
	outer.take(s.names.client, s.names.proxy, s.names.service)
	for t := range s.Types(nil) {
		if tn := check.TypeNameOf(t); tn != nil && tn.Pkg() == s.Src.Types {
			outer.take(tn.Name())
		}
	}
	return outer.taken
}

func (n *names) chooseLocals(m *check.Method, inner *scope) emit.Locals {
	if m.Context >= 0 && m.Params[m.Context].User == "" {
		m.Params[m.Context].User = "ctx"
	}
	n.nameValues(inner, m.Params, "arg", "Arg")
	n.nameValues(inner, m.Results, "r", "Result")
	var l emit.Locals
	if m.Fails && m.ErrName != "" {
		l.Err = inner.pick(m.ErrName, m.ErrName+"Result")
	}
	if m.Context >= 0 {
		l.Ctx = n.values[m.Params[m.Context]]
	}
	return fillLocals(l, inner)
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

// fillLocals chooses the names that l lacks.
func fillLocals(l emit.Locals, inner *scope) emit.Locals {
	if l.Ctx == "" {
		l.Ctx = inner.pick("ctx", "callCtx")
	}
	if l.Err == "" {
		l.Err = inner.pick("err", "callErr")
	}
	l.Encoder = inner.pick("e", "enc")
	l.Decoder = inner.pick("d", "dec")
	l.Run = inner.pick("run", "call")
	l.Target = inner.pick("target", "object")
	l.Cfg = inner.pick("cfg", "config")
	l.Args = inner.pick("args", "decoder")
	l.Conn = inner.pick("conn")
	l.Object = inner.pick("v", "object")
	return l
}
