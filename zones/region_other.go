//go:build !linux

package zones

func mapOctets(int) []byte            { return nil }
func trimOctets(octets []byte) []byte { return octets }
func unmapOctets([]byte)              {}
