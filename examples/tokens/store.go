package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

//go:generate go tool loopgen -type Store -concurrent all

// Store holds the tokens of accounts, in memory and in a file. All methods are
// concurrent: a refresh of one account must not hold up the others.
type Store struct {
	path, issuer string

	mu       sync.Mutex // guards what follows, and the file
	accounts map[string]Grant
	turns    map[string]chan struct{} // by account: full while a call refreshes it
}

// Grant is what the issuer grants to an account.
type Grant struct {
	Access  string    `json:"access"`
	Refresh string    `json:"refresh"` // good for one refresh
	Expires time.Time `json:"expires"`
}

// NewStore reads the tokens of a file, which need not exist. The path is absolute,
// since the daemon works in the root directory. Tokens of the file are refreshed at
// the URL issuer.
func NewStore(path, issuer string) (*Store, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("open token file %s: the path is relative, and the daemon works in /: use filepath.Abs", path)
	}
	s := &Store{path: path, issuer: issuer, accounts: make(map[string]Grant), turns: make(map[string]chan struct{})}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &s.accounts); err != nil {
		return nil, fmt.Errorf("read token file %s: %w", path, err)
	}
	return s, nil
}

// Login adds an account with its first refresh token.
func (s *Store) Login(account, refresh string) error {
	return s.save(account, Grant{Refresh: refresh})
}

// Token returns an access token of the account. Only one call refreshes it at a
// time; the others wait, and return the same token.
func (s *Store) Token(ctx context.Context, account string) (string, error) {
	turn := s.turn(account)
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	grant, ok := s.load(account)
	if !ok {
		return "", fmt.Errorf("account %s: not logged in", account)
	}
	if time.Now().Before(grant.Expires) {
		return grant.Access, nil
	}
	// The refresh is for all callers, so it does not end with this one. The issuer has
	// forgotten the old refresh token: the answer must not be lost. The daemon waits for
	// a call whose caller has died, by default 30 s.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	fresh, err := refresh(ctx, s.issuer, grant.Refresh)
	if err != nil {
		return "", fmt.Errorf("account %s: %w", account, err)
	}
	return fresh.Access, s.save(account, fresh)
}

// turn returns the channel that a call fills to refresh the account.
func (s *Store) turn(account string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turns[account] == nil {
		s.turns[account] = make(chan struct{}, 1)
	}
	return s.turns[account]
}

func (s *Store) load(account string) (Grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	grant, ok := s.accounts[account]
	return grant, ok
}

// save keeps a grant and writes the file, which is replaced in one step. Nobody
// else writes it, so it needs no lock.
func (s *Store) save(account string, grant Grant) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[account] = grant
	data, err := json.MarshalIndent(s.accounts, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(s.path+".new", s.path)
}
