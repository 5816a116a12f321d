package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Unusable is what is wrong with a file that must be moved aside.
type Unusable struct{ Text string }

func (e *Unusable) Error() string { return e.Text }

// Read returns the values of the bucket in the file at path, and its info. The values of a file that is damaged, in which
// case the error is an *Unusable, are those that are whole. A file that is not there has no info. One with more octets than
// max is not read.
func Read(path, bucket string, max int64) (values map[string][]byte, info fs.FileInfo, err error) {
	values = map[string][]byte{}
	info, err = os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return values, nil, nil
	}
	if err != nil {
		return values, info, err
	}
	if !info.Mode().IsRegular() {
		return values, info, &Unusable{"it is not a regular file"}
	}
	if info.Size() > max {
		return values, info, &Unusable{fmt.Sprintf("it has %d octets, over the %d that are believed", info.Size(), max)}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return values, info, err
	}
	values, damage := Examine(data, bucket)
	if damage != nil {
		return values, info, damage
	}
	return values, info, nil
}

// Examine returns the values in the bytes of a file that are whole, and what is wrong with it, or nil.
func Examine(data []byte, bucket string) (values map[string][]byte, wrong *Unusable) {
	values = map[string][]byte{}
	sealed, damage := parse(data, bucket)
	for key, s := range sealed {
		if value, ok := unseal(key, s); ok {
			values[key] = value
		} else {
			damage = append(damage, fmt.Sprintf("the value of %q is damaged", key))
		}
	}
	if len(damage) > 0 {
		return values, &Unusable{damage[0]}
	}
	return values, nil
}
