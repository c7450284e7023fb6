package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// SignatureHash returns the 16 hexadecimal digits by which two builds compare
// a method's signature, given as the text that both derive from their types.
// It may be called concurrently.
func SignatureHash(text string) string {
	sum := sha256.Sum256([]byte("loopgen signature\x00" + text))
	return hex.EncodeToString(sum[:8])
}

// ArgumentHash returns the 8 hexadecimal digits by which two clients find the value in which
// two configurations differ. The hash is short, so that it discloses little of the value. It
// may be called concurrently.
func ArgumentHash(value []byte) string {
	sum := sha256.Sum256(append([]byte("loopgen argument\x00"), value...))
	return hex.EncodeToString(sum[:4])
}

// ConfigHash returns the 64 hexadecimal digits by which two clients find out whether they
// mean the same object. It covers the service, the name of its constructor and the
// configuration, an array that package stub makes of the constructor's arguments;
// PROTOCOL.md has the recipe. ConfigHash returns an error when configuration is not one array
// of items that Unmarshal would accept, or when service or constructor is not UTF-8. It may
// be called concurrently.
func ConfigHash(service, constructor string, configuration []byte) (string, error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("hashing the configuration of %s: %w", service, err)
	}
	list, err := readToken(configuration, 0)
	if err != nil {
		return fail(err)
	}
	if list.Major != MajorArray {
		return fail(errors.New("it is not an array"))
	}
	// Depth counts within each argument, as it does when they are decoded.
	end, err := check(configuration, 0, -1)
	if err == nil && end != len(configuration) {
		err = &refusal{reasonTrailing, end}
	}
	if err != nil {
		return fail(err)
	}
	names, err := Marshal([]string{service, constructor})
	if err != nil {
		return fail(err)
	}
	whole := append([]byte{MajorArray<<5 | 3}, names[1:]...) // without the head of an array of two
	sum := sha256.Sum256(append(whole, configuration...))
	return hex.EncodeToString(sum[:]), nil
}
