package zones

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestRegion(t *testing.T) {
	for name, capacity := range map[string]int{"in the heap": 100, "mapped": bigRegion, "from the heap to the map": bigRegion / 2} {
		t.Run(name, func(t *testing.T) {
			r := newRegion(0, capacity)
			var want []byte
			for i := 0; len(want) < 3*bigRegion/2; i++ {
				line := fmt.Appendf(nil, "%d, %s;", i, strings.Repeat("x", i%1000))
				r.append(line)
				want = append(want, line...)
			}
			if r.seal(); !bytes.Equal(r.octets, want) {
				t.Error("the octets are not those that were appended")
			}
		})
	}
	if r := newRegion(2*bigRegion, 2*bigRegion).seal(); len(r.words()) != 2*bigRegion/8 || len(bytes.Trim(r.octets, "\x00")) != 0 {
		t.Error("new memory is not zero")
	}
	if r := newRegion(64, 64).seal(); len(r.words()) != 8 {
		t.Error("a small region has other words")
	}
}

// TestRegionIsGivenBack: memory outside of the heap lives as long as the zone, and no longer.
func TestRegionIsGivenBack(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("all regions are in the heap")
	}
	zone := bigOne(t)
	copied, _ := zone.Rebind(func(string) *Slot { return nil })
	arena := fmt.Sprintf("%p", &zone.arena[0])[len("0x"):]
	mapped := func() bool {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(maps), arena+"-")
	}
	if runtime.KeepAlive(zone); !mapped() {
		t.Fatal("the arena of a big zone is not mapped")
	}
	runtime.GC()
	runtime.GC()
	if !mapped() {
		t.Fatal("a copy refers to the arena, and it is gone")
	}
	runtime.KeepAlive(copied)
	for range 1000 { // the cleanup runs some time after the collection
		if runtime.GC(); !mapped() {
			return
		}
	}
	t.Error("the arena is still mapped though no zone refers to it")
}

// TestFileLongerThanItsSize: what a file system says of a file's size is not relied on.
func TestFileLongerThanItsSize(t *testing.T) {
	text := strings.Repeat("0123456789\n", bigRegion/5)
	for _, size := range []int{0, 1, len(text) - 1, len(text), len(text) + 1, 2 * len(text)} {
		files := new(sourceFiles)
		got, err := files.read(strings.NewReader(text), size)
		if string(got) != text || err != nil {
			t.Errorf("size %d: %d octets, %v; want %d", size, len(got), err, len(text))
		}
		files.release()
	}
}
