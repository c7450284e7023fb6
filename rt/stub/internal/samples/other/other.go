// Package other has types that are of another package than the samples.
package other

// The types, some of which a generated file needs not name.
type (
	Embedded struct{ Foreign Name }
	Name     string
	Digest   [3]byte
	Item     struct {
		Name  Name
		Sizes []Size
	}
	Size  uint16
	Items map[Name]Item
)
