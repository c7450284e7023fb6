package generator

import (
	"slices"
	"strconv"
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
	n.values, n.locals = make(map[*value]string), make(map[*method]*locals)
	// One receiver name for all methods of a type.
	all := newScope(outer)
	for _, m := range s.methods {
		for _, v := range slices.Concat(m.params, m.results) {
			all.taken[v.user] = true
		}
		all.taken[m.errName] = true
	}
	n.receiver.client = all.pick("c", "client")
	n.receiver.proxy = all.pick("p", "proxy")
	for _, m := range s.methods {
		inner := newScope(outer)
		inner.taken[n.receiver.client] = true
		inner.taken[n.receiver.proxy] = true
		n.locals[m] = n.chooseLocals(m, inner)
	}
	inner := newScope(outer)
	if s.constructor != nil {
		n.nameValues(inner, s.constructor.params, "arg", "Arg")
	}
	n.making.choose(inner)
}

// outerNames are the file's and package's names that generated functions use.
func (s *shared) outerNames() map[string]bool {
	outer := make(map[string]bool)
	for _, name := range s.names.imports {
		outer[name] = true
	}
	for t := range s.types(nil) {
		if tn := typeNameOf(t); tn != nil && tn.Pkg() == s.src.Types {
			outer[tn.Name()] = true
		}
	}
	for _, name := range []string{s.names.client, s.names.proxy, s.names.service} {
		outer[name] = true
	}
	for _, name := range s.names.typeParams {
		outer[name] = true
	}
	for _, name := range s.constructor.names() {
		outer[name] = true
	}
	return outer
}

func (n *names) chooseLocals(m *method, inner *scope) *locals {
	if m.context >= 0 && m.params[m.context].user == "" {
		m.params[m.context].user = "ctx"
	}
	n.nameValues(inner, m.params, "arg", "Arg")
	n.nameValues(inner, m.results, "r", "Result")
	l := new(locals)
	if m.fails && m.errName != "" {
		l.err = inner.pick(m.errName, m.errName+"Result")
	}
	if m.context >= 0 {
		l.ctx = n.values[m.params[m.context]]
	}
	l.choose(inner)
	return l
}

// nameValues keeps the users' names where it can and numbers the unnamed.
func (n *names) nameValues(inner *scope, values []*value, unnamed, suffix string) {
	// All of the user's names go first: a number must not take one.
	for _, v := range values {
		if v.user != "" {
			n.values[v] = inner.pick(v.user, v.user+suffix)
		}
	}
	for i, v := range values {
		if v.user == "" {
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
