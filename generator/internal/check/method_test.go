package check

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestMethods has a method for each rule by which one is shared, and how, or left out. A
// case has the lines of the method's doc comment, its signature and body, and the
// diagnostics about it as far as their remedies.
func TestMethods(t *testing.T) {
	cases := []struct{ doc, decl, want string }{
		{"", "%s() {}", "note: shared, runs alone"},
		{"//loopgen:readonly", "%s() int { return 0 }", "note: shared, runs beside other read-only calls"},
		{"//loopgen:concurrent", "%s() int { return 0 }", "note: shared, runs at any time"},
		{"//loopgen:exclusive", "%s() int { return 0 }", "note: shared, runs alone"},
		{"//loopgen:readonly\n//loopgen:concurrent", "%s() {}", "error: is asked to be both read-only and concurrent"},
		{"//loopgen:exclusive\n//loopgen:readonly", "%s() {}", "error: is asked to be both exclusive and read-only"},
		{"//loopgen:exclusive\n//loopgen:concurrent", "%s() {}", "error: is asked to be both exclusive and concurrent"},
		{"//loopgen:skip", "%s() {}", "note: left out as asked"},
		{"//loopgen:concurrent", "%s() []string { return nil }", "note: shared, runs at any time | note: result is encoded while other methods run ([]string)"},
		{"", "%s() []string { return nil }", "note: shared, runs alone"},
		{"//loopgen:timeout 1s\n//loopgen:timeout 2s", "%s() {}", "error: is given two values for timeout, 1s and 2s | note: shared, runs alone"},
		{"//loopgen:timeout 1s\n//loopgen:timeout 1s", "%s() {}", "note: shared, runs alone"},
		{"//loopgen:inout q", "%s(p []string) {}", "error: has no parameter q | note: shared, runs alone"},
		{"//loopgen:inout p", "%s(p []string) { p[0] = \"\" }", "note: shared, runs alone"},
		{"//loopgen:inout p", "%s(p int) {}", "error: parameter p cannot be inout: it is no slice, map or pointer, so the method changes a copy | note: shared, runs alone"},
		{"//loopgen:in p", "%s(p []string) { p[0] = \"\" }", "note: shared, runs alone"},
		{"//loopgen:in p", "%s(p int) {}", "error: parameter p needs no in: it holds no memory, so the method changes a copy | note: shared, runs alone"},
		{"//loopgen:in p\n//loopgen:inout p", "%s(p []string) {}", "error: parameter p is asked to be both in and inout | note: shared, runs alone"},
		{"", "%s(p []string) { p[0] = \"\" }", "warning: left out: parameter p is changed by the method (p.go), and the change would stay in the daemon ([]string)"},
		{"", "%s(p []string) { p = nil; p = append(p, \"\") }", "note: shared, runs alone"},
		{"", "%s(p []string) { q := p[1:]; q[0] = \"\" }", "warning: left out: parameter p is changed by the method (p.go), and the change would stay in the daemon ([]string)"},
		{"", "%s(p map[string]int) { delete(p, \"\") }", "warning: left out: parameter p is changed by the method (p.go), and the change would stay in the daemon (map[string]int)"},
		{"", "%s(p *Named) { p.Name = \"\" }", "warning: left out: parameter p is changed by the method (p.go), and the change would stay in the daemon (*Named)"},
		{"", "%s(p Named) { p.Name = \"\" }", "note: shared, runs alone"},
		{"", "%s(p []int) { p[0] = 1 }", "note: shared, runs alone"},
		{"//loopgen:concurrent", "%s(p []int) { p[0] = 1 }", "warning: left out: parameter p is changed by the method (p.go), and the change would stay in the daemon ([]int)"},
		{"", "%s(p [][]string) { for _, q := range p { q[0] = \"\" } }", "warning: left out: parameter p is changed by the method (p.go), and the change would stay in the daemon ([][]string)"},
		{"", "%s(p []string) int { return len(p) }", "note: shared, runs alone"},
		{"", "%s(p *Point) bool { return p == t.kept }", "warning: left out: parameter p is compared by its address with what the object keeps, and arrives as a copy with another one (*Point)"},
		{"", "%s(p *Point) bool { return p == nil }", "note: shared, runs alone"},
		{"", "%s(p *Point) bool { return p == t.kept || p.X == 1 }", "note: shared, runs alone"},
		{"", "%s(p *Point) bool { return t.all[p] }", "warning: left out: parameter p is compared by its address with what the object keeps, and arrives as a copy with another one (*Point)"},
		{"", "%s() uintptr { return 0 }", "warning: left out: result is an address or a handle, and means nothing in another process (uintptr)"},
		{"", "%s() []uintptr { return nil }", "warning: left out: result is an address or a handle, and means nothing in another process ([]uintptr)"},
		{"", "%s() *T { return t }", "warning: left out of the proxy: it returns the object itself, which a proxy cannot return as *T | note: shared, runs alone"},
		{"", "%s() *T { return nil }", "warning: left out: result is the shared type itself, and would be a copy of the object"},
		{"", "%s() *T { return &T{} }", "warning: left out: result is the shared type itself, and would be a copy of the object"},
		{"", "%s() (*T, error) { if t.n > 0 { return nil, nil }; return t, nil }", "warning: left out: result 1 is the shared type itself, and would be a copy of the object"},
		{"", "%s() *Point { return t.kept }", "note: shared, runs alone | note: result is a copy of what the object keeps, and changes to it do not reach the object (*Point)"},
		{"", "%s() *Point { return &Point{} }", "note: shared, runs alone"},
		{"", "%s(c chan int) {}", "warning: left out: parameter c is a channel, which is not supported (chan int)"},
		{"", "%s(h Hidden) {}", "error: parameter h (Hidden.n) would be lost, since it is not exported"},
		{"", "%s() Hidden { return Hidden{} }", "error: result (Hidden.n) would be lost, since it is not exported"},
		{"", "%s(n int, o ...Option) {}", "note: shared, runs alone | note: parameter o is not in the client, and a call of the proxy with any fails: options cannot leave their process (...Option)"},
		{"", "%s(n int, o Option) {}", "warning: left out: parameter o is a function, which is not supported (Option)"},
		{"", "%s(ctx context.Context, n int) {}", "note: shared, runs alone"},
		{"", "%s(n int, ctx context.Context) {}", "note: shared, runs alone"},
		{"", "%s(a, b context.Context) {}", "warning: left out: parameter b is a context, and only one parameter can be a context (context.Context)"},
		{"", "%s() context.Context { return nil }", "warning: left out: result is a context, which ends in its own process (context.Context)"},
		{"//loopgen:concurrent\n//loopgen:session end=Unlock", "%s() {}", "note: shared, runs at any time | error: keeps something beyond its turn, so that it and Unlock must be concurrent"},
		{"//loopgen:session end=Missing", "%s() {}", "note: shared, runs alone | error: is to be ended by Missing, and there is no such method"},
	}
	source := methodSource
	for i, c := range cases {
		source += c.doc + "\nfunc (t *T) " + fmt.Sprintf(c.decl, fmt.Sprint("M", i)) + "\n"
	}
	said := saidOf(t, sourceOf(t, source, "T"), &Options{Types: []string{"T"}})
	for i, c := range cases {
		if got := strings.Join(said[fmt.Sprint("M", i)], " | "); got != c.want {
			t.Errorf("%s %s:\ngot  %s\nwant %s", c.doc, c.decl, got, c.want)
		}
	}
}

const methodSource = `package p

import ("context"; "sync/atomic")

type (
	T struct { n int; kept *Point; all map[*Point]bool; p atomic.Pointer[Point] }
	Point struct { X, Y int }
	Named struct { Name string }
	Hidden struct { N, n int }
	Option func(*T)
)

var _ context.Context

func (t *T) Unlock() {}
func (t *T) Own() *Point { return &Point{} }
`

// lines are the numbers of lines in diagnostics.
var lines = regexp.MustCompile(`:[0-9]+\b`)

// saidOf returns the diagnostics about each method, without their remedies.
func saidOf(t *testing.T, src *Source, o *Options) map[string][]string {
	t.Helper()
	r := &Reporter{Fset: src.Fset, Verbose: true}
	NewService(r, o, src, FindTarget(r, src, src.Specs[0]), "t_loop.go", make(map[string]bool))
	said := make(map[string][]string)
	for _, d := range r.Sorted() {
		said[d.Method] = append(said[d.Method], d.Severity.String()+": "+lines.ReplaceAllString(d.Reason, ""))
	}
	return said
}

// A directive for one method goes before "all", also where it decides whether the daemon
// compares an argument after the call.
func TestFlatMemoryOfModes(t *testing.T) {
	source := methodSource + `
func (t *T) None(p []int) { p[0] = 1 }
//loopgen:concurrent
func (t *T) Concurrent(p []int) { p[0] = 1 }
//loopgen:exclusive
func (t *T) Exclusive(p []int) { p[0] = 1 }
//loopgen:readonly
func (t *T) ReadOnly(p []int) { p[0] = 1 }
`
	const changed = "warning: left out: parameter p is changed by the method (p.go), and the change would stay in the daemon ([]int)"
	for name, want := range map[string]string{
		"None": changed, "Concurrent": changed,
		"Exclusive": "note: shared, runs alone", "ReadOnly": "note: shared, runs beside other read-only calls",
	} {
		said := saidOf(t, sourceOf(t, source, "T"), &Options{Types: []string{"T"}, Concurrent: []string{"all"}})
		if got := strings.Join(said[name], " | "); got != want {
			t.Errorf("%s with -concurrent all:\ngot  %s\nwant %s", name, got, want)
		}
	}
}
