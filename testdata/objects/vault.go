package objects

import "sync"

// Vault is safe for concurrent use, and its Lock blocks until another client
// unlocks it.
type Vault struct {
	mu      sync.Mutex
	content int
}

// Lock waits for the vault.
//
//loopgen:concurrent
func (v *Vault) Lock() { v.mu.Lock() }

// Unlock gives the vault back.
//
//loopgen:concurrent
func (v *Vault) Unlock() { v.mu.Unlock() }

// Put replaces the content and returns the old one.
func (v *Vault) Put(n int) (old int) {
	old, v.content = v.content, n
	return old
}
