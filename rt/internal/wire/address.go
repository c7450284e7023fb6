package wire

import (
	"strconv"
	"unicode/utf8"
)

// AddressText returns an address as the handshake carries it, which is text. The
// path of a socket need not be UTF-8; one that is not is written as a Go string
// literal, as in the endpoint file. No other address begins with a quote.
func AddressText(address string) string {
	if utf8.ValidString(address) {
		return address
	}
	return strconv.Quote(address)
}
