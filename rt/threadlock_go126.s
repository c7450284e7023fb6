//go:build gc && go1.26 && !go1.27

// The compiler accepts a function without a body, threadLocked, in a package with an
// assembly file only.
