package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"go.etcd.io/bbolt"
)

// TestFault07StateDamaged starts servers on state files that are damaged in every way. Each answers. Either it
// has lost nothing, or it has moved the file aside, says so in the log and in status, and keeps what it
// stores from then on.
func TestFault07StateDamaged(t *testing.T) {
	t.Parallel()
	made := newServer(t, twoTargets, "")
	made.start()
	made.must("switch", "web", "backup", "--until-released", "--reason", "maintenance of the primary")
	made.stop()
	good, err := os.ReadFile(made.path("state/dnsfailover.db"))
	if err != nil {
		t.Fatal(err)
	}
	type damage struct {
		name string
		data []byte
		lost bool // it can't go unnoticed
	}
	damages := []damage{
		{"none", good, false},
		{"0 octets", nil, true},
		{"text", []byte("this is no database\n"), true},
		{"only zeros", make([]byte, len(good)), true},
		{"a schema of the future", made.futureSchema(), true},
	}
	for _, n := range []int{1, 100, 4096, 4097, 8192, 10000, 16384, 20480, len(good) - 1} {
		damages = append(damages, damage{fmt.Sprintf("cut off after %d octets", n), good[:n], n < len(good)/2})
	}
	page := os.Getpagesize()
	for at := 24; at < len(good); at += page/2 + 371 {
		flipped := bytes.Clone(good)
		flipped[at] ^= 1 << (at % 8)
		damages = append(damages, damage{fmt.Sprintf("a bit flipped at %d", at), flipped, false})
	}
	override := bytes.LastIndex(good, []byte("maintenance of"))
	flipped := bytes.Clone(good)
	flipped[override] ^= 0x20
	damages = append(damages, damage{"a letter of a reason in the other case", flipped, false})

	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, twoTargets, "")
			s.mkdir("state")
			s.write("state/dnsfailover.db", string(d.data))
			s.afterDamage(d.lost)
		})
	}
	t.Run("1 GB", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, twoTargets, "")
		s.mkdir("state")
		s.write("state/dnsfailover.db", string(good))
		if err := os.Truncate(s.path("state/dnsfailover.db"), 1<<30); err != nil {
			t.Fatal(err)
		}
		s.afterDamage(true)
	})
	t.Run("a directory in its place", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, twoTargets, "")
		s.mkdir("state")
		s.mkdir("state/dnsfailover.db")
		s.write("state/dnsfailover.db/inside", "")
		s.afterDamage(true)
	})
	t.Run("a link to nowhere in its place", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, twoTargets, "")
		s.mkdir("state")
		if err := os.Symlink("nowhere", s.path("state/dnsfailover.db")); err != nil {
			t.Fatal(err)
		}
		s.start()
		s.survives("backup")
	})
}

// afterDamage starts a server whose state file may be damaged; if lost, it is so in a way that can't go unnoticed.
func (s *server) afterDamage(lost bool) {
	s.t.Helper()
	s.start()
	got, _ := s.addresses("www.example.test", dns.TypeA)
	aside := asideName.FindString(strings.Join(s.entries("state"), " "))
	switch problems := s.problems(); {
	case problems == "" && lost, problems == "" && aside != "":
		s.t.Errorf("the damage went unnoticed; the directory has %v", s.entries("state"))
	case problems == "" && got != served["backup"]:
		s.t.Errorf("nothing is said to be amiss, but the override is gone and %s is served", got)
	case problems == "":
	case aside == "":
		s.t.Errorf("nothing was moved aside: %s", problems)
	default:
		if got != served["backup"] && got != served["primary"] {
			s.t.Errorf("served: %q", got)
		}
		mentions(s.t, "status", s.must("status"), "dnsfailover.db could not be used, since ", aside, "check the overrides")
		s.logs(`msg="state file moved aside"`, aside)
		_, ready := s.get("/readyz")
		mentions(s.t, "/readyz", ready, aside)
	}
	other := map[string]string{served["backup"]: "primary", served["primary"]: "backup"}[got]
	s.must("switch", "web", other, "--until-released")
	s.Kill()
	s.start()
	s.serves("www.example.test", served[other])
	if problems := s.problems(); problems != "" {
		s.t.Errorf("after another crash: %s", problems)
	}
}

var asideName = regexp.MustCompile(`dnsfailover\.db\.damaged-\S+`)

func (s *server) mkdir(name string) {
	s.t.Helper()
	if err := os.Mkdir(s.path(name), 0o700); err != nil {
		s.t.Fatal(err)
	}
}

// futureSchema makes the server's state file one that a later version might have written, and returns it.
func (s *server) futureSchema() []byte {
	s.t.Helper()
	path := s.path("state/dnsfailover.db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		const key, header = "store", `{"schema":2,"news":true}`
		sum := crc32.Checksum([]byte(key+"\x00"+header), crc32.MakeTable(crc32.Castagnoli))
		return tx.Bucket([]byte("state")).Put([]byte(key), fmt.Appendf(nil, "%x %s", sum, header))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		s.t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}
