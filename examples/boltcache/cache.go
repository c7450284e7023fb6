package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// A transaction is a function over objects of the library, and cannot be a parameter.
// So the cache has a method for each thing that the tool does with its file. All of
// them are concurrent, since a bolt.DB is safe for concurrent use.
//
//go:generate go tool loopgen -type Cache -new Open -concurrent all

// ErrMissing is returned by Get for a key that the cache does not have.
var ErrMissing = errors.New("not in the cache")

// Cache is a cache in a bbolt file.
type Cache struct{ db *bolt.DB }

var bucket = []byte("cache")

// Open opens the file, which is made if it does not exist. The path is absolute,
// since the daemon works in the root directory. If another process has opened the
// file, Open fails after a short wait.
func Open(path string) (*Cache, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("open cache %s: the path is relative, and the daemon works in /: use filepath.Abs", path)
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: 200 * time.Millisecond})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open cache %s: another process holds its lock; end that process, or have it use the shared cache", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open cache %s: %w", path, err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open cache %s: %w", path, err), db.Close())
	}
	return &Cache{db}, nil
}

// Put stores a value. It waits up to 10 ms for other calls, of any process, to share a
// transaction with. When it returns nil, the value is on disk.
func (c *Cache) Put(key string, value []byte) error {
	return c.db.Batch(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put([]byte(key), value) })
}

// Get returns the value of a key. It is a copy: what bbolt returns is valid until the
// end of the transaction only.
func (c *Cache) Get(key string) (value []byte, err error) {
	err = c.db.View(func(tx *bolt.Tx) error {
		value = bytes.Clone(tx.Bucket(bucket).Get([]byte(key)))
		return nil
	})
	if err == nil && value == nil {
		err = ErrMissing
	}
	return value, err
}

// Keys returns all keys in order.
func (c *Cache) Keys() (keys []string, err error) {
	err = c.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(key, _ []byte) error {
			keys = append(keys, string(key))
			return nil
		})
	})
	return keys, err
}

// Close closes the file. The daemon calls it before it exits. A client's Close does
// not: it closes the client.
func (c *Cache) Close() error { return c.db.Close() }
