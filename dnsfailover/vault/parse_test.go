package vault

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

// TestParseReadsWhatBboltWrites compares with bbolt's own reading, over trees of several levels with holes.
func TestParseReadsWhatBboltWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "parse")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "db")
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true, PageSize: rapid.SampledFrom([]int{1024, 4096, 16384}).Draw(t, "page")})
		if err != nil {
			t.Fatal(err)
		}
		seed := rapid.Uint64().Draw(t, "seed")
		random := rand.New(rand.NewPCG(seed, 0))
		want := map[string][]byte{}
		for range rapid.IntRange(1, 5).Draw(t, "transactions") {
			keys := rapid.IntRange(1, 400).Draw(t, "keys")
			err = db.Update(func(tx *bbolt.Tx) error {
				b, err := tx.CreateBucketIfNotExists([]byte("state"))
				if err != nil {
					return err
				}
				for range keys {
					key := fmt.Sprintf("key-%d", random.IntN(600))
					if random.IntN(3) == 0 {
						err = b.Delete([]byte(key))
						delete(want, key)
					} else {
						want[key] = make([]byte, random.IntN(40)*random.IntN(40))
						err = b.Put([]byte(key), want[key])
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		db.Close()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, damage := parse(data, "state")
		if len(damage) > 0 {
			t.Fatalf("a sound file has damage: %q", damage)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b []byte) bool { return string(a) == string(b) })); diff != "" {
			t.Fatal(diff)
		}
	})
}

// numbered returns n values with keys in order.
func numbered(n int) map[string][]byte {
	values := map[string][]byte{}
	for i := range n {
		values[fmt.Sprintf("key-%06d", i)] = fmt.Appendf(nil, "value %d", i)
	}
	return values
}

func create(t testing.TB, values map[string][]byte) (*File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	f, err := Create(path, "test", values)
	if err != nil {
		t.Fatal(err)
	}
	return f, path
}

// TestScans reads ranges up and down.
func TestScans(t *testing.T) {
	f, _ := create(t, numbered(1000))
	defer f.Close()
	collect := func(scan func(string, func(string, []byte) bool) error, from string, n int) (keys []string) {
		err := scan(from, func(key string, _ []byte) bool {
			keys = append(keys, key)
			return len(keys) < n
		})
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	for _, c := range []struct{ got, want []string }{
		{collect(f.Up, "key-000500", 2), []string{"key-000500", "key-000501"}},
		{collect(f.Up, "", 1), []string{"key-000000"}},
		{collect(f.Up, "key-000999", 2), []string{"key-000999"}},
		{collect(f.Up, "z", 2), nil},
		{collect(f.Down, "key-000500", 2), []string{"key-000499", "key-000498"}},
		{collect(f.Down, "z", 1), []string{"key-000999"}},
		{collect(f.Down, "key-000001", 2), []string{"key-000000"}},
		{collect(f.Down, "", 2), nil},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// TestGrowingFilesAreDense compares the size of files whose keys only grow.
func TestGrowingFilesAreDense(t *testing.T) {
	size := func(growing bool) int64 {
		f, path := create(t, nil)
		defer f.Close()
		f.Growing = growing
		for i := range 40 {
			batch := map[string][]byte{}
			for j := range 50 {
				batch[fmt.Sprintf("key-%06d", 50*i+j)] = make([]byte, 300)
			}
			if err := f.Write(batch); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if values, wrong := Examine(data, "test"); wrong != nil || len(values) != 2000 {
			t.Fatalf("%d values, %v", len(values), wrong)
		}
		m, _ := newestMeta(data)
		r := &reader{data: data, meta: m, free: map[uint64]bool{}, seen: map[uint64]bool{}}
		r.readFreelist()
		return int64(m.pages) - int64(len(r.free))
	}
	if dense, loose := size(true), size(false); dense*4 > loose*3 {
		t.Errorf("%d pages are in use, and %d if keys may come anywhere", dense, loose)
	}
}

func FuzzParse(f *testing.F) {
	db, path := create(f, numbered(300))
	db.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data, 0, byte(0))
	f.Fuzz(func(_ *testing.T, data []byte, at int, b byte) {
		if len(data) > 0 {
			data[((at%len(data))+len(data))%len(data)] = b
		}
		Examine(data, "test")
	})
}
