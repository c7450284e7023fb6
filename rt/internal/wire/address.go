package wire

import (
	"strconv"
	"unicode/utf8"
)

// AddressText returns an address as text for the handshake. The path of a socket need not
// be UTF-8. A path that is not UTF-8 becomes a Go string literal, as in the endpoint file;
// no other address begins with a quote. AddressText may be called concurrently.
func AddressText(address string) string {
	if utf8.ValidString(address) {
		return address
	}
	return strconv.Quote(address)
}
