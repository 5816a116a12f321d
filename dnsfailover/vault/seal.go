package vault

import (
	"bytes"
	"hash/crc32"
	"strconv"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(key string, value []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(key+"\x00"), castagnoli), castagnoli, value)
}

// seal puts the checksum of key and value before the value: bbolt has none over its data.
func seal(key string, value []byte) []byte {
	out := strconv.AppendUint(nil, uint64(sum(key, value)), 16)
	return append(append(out, ' '), value...)
}

// unseal returns the value of what seal made for key; false if either has changed since.
func unseal(key string, sealed []byte) ([]byte, bool) {
	check, value, ok := bytes.Cut(sealed, []byte{' '})
	if !ok {
		return nil, false
	}
	return value, string(check) == strconv.FormatUint(uint64(sum(key, value)), 16)
}
