package checks

import (
	"context"
	"net/netip"
	"os"
	"syscall"
	"testing"
)

// TestNoFileDescriptorsLeft: fault 56. Our own lack must not count against the target.
func TestNoFileDescriptorsLeft(t *testing.T) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	next, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	lowest := before
	lowest.Cur = uint64(next.Fd()) + 1
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lowest); err != nil {
		t.Fatal(err)
	}
	var held []*os.File // descriptors below the limit that happen to be free
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		held = append(held, f)
	}
	got := (&TCPProbe{Address: netip.MustParseAddrPort("127.0.0.1:1")}).Run(context.Background())
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	for _, f := range held {
		f.Close()
	}
	if !got.Inconclusive || got.Reason != "too many open files on this host" {
		t.Errorf("got %+v", got)
	}
}
