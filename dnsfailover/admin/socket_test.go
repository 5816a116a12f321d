package admin_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/dnsfailover/admin"
)

func TestTheControlSocketIsPrivateAndGoesWithTheServer(t *testing.T) {
	path := filepath.Join(shortDir(t), "not", "there", "control.sock")
	l, err := admin.ListenControl(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	l.Close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("after the end: %v", err)
	}
}

func TestASocketThatIsLeftOverIsReplaced(t *testing.T) {
	path := filepath.Join(shortDir(t), "control.sock")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false) // as kill -9 leaves it
	old.Close()
	l, err := admin.ListenControl(path)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// Fault 22: started twice.
func TestASocketOnWhichSomebodyAnswersIsLeftAlone(t *testing.T) {
	path := filepath.Join(shortDir(t), "control.sock")
	first, err := admin.ListenControl(path)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if l, err := admin.ListenControl(path); err == nil {
		l.Close()
		t.Error("the second took it")
	} else if !strings.Contains(err.Error(), "another server answers on it") {
		t.Error(err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the first is gone: %v", err)
	}
	conn.Close()
}

func TestWhatIsNoSocketIsLeftAlone(t *testing.T) {
	path := filepath.Join(shortDir(t), "control.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.ListenControl(path); err == nil || !strings.Contains(err.Error(), "something that is no socket has this name") {
		t.Error(err)
	}
	if kept, _ := os.ReadFile(path); string(kept) != "precious" {
		t.Errorf("it holds %q", kept)
	}
}

func TestAPathThatIsTooLongSaysSo(t *testing.T) {
	path := "/" + strings.Repeat("x", 107)
	if _, err := admin.ListenControl(path); err == nil || !strings.Contains(err.Error(), "its path has 108 bytes and the system takes 107") {
		t.Error(err)
	}
}

// crowd is a listener to which connections come as fast as they are accepted.
type crowd struct {
	net.Listener
	came chan struct{}
}

func (c crowd) Accept() (net.Conn, error) {
	c.came <- struct{}{}
	here, there := net.Pipe()
	there.Close()
	return here, nil
}

func (crowd) Close() error { return nil }

func TestConnectionsAreCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := crowd{came: make(chan struct{}, 100)}
		l := admin.Limit(c, 3, slog.New(slog.DiscardHandler))
		conns := make(chan net.Conn, 100)
		go func() {
			defer close(conns)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				conns <- conn
			}
		}()
		count := func(want int) {
			t.Helper()
			synctest.Wait()
			if len(c.came) != want {
				t.Errorf("%d connections were let in, want %d", len(c.came), want)
			}
		}
		count(3)
		first := <-conns
		first.Close()
		first.Close() // gives its place back once
		count(4)
		l.Close() // also while it waits for room
		for conn := range conns {
			conn.Close()
		}
	})
}

// poor is a listener of a system that has no files left but every 1,000th time.
type poor struct {
	net.Listener
	tries *int
}

func (p poor) Accept() (net.Conn, error) {
	if *p.tries++; *p.tries%1000 != 0 {
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	here, there := net.Pipe()
	there.Close()
	return here, nil
}

func (poor) Close() error { return nil }

func TestAcceptWithoutFilesLeftBacksOffAndComplainsOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		tries := 0
		l := admin.Limit(poor{tries: &tries}, 3, slog.New(slog.NewTextHandler(&log, nil)))
		begin := time.Now()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		// 5 ms and so on make 1.3 s, the other tries are a second apart: in all some 16 minutes and a half.
		if took, lines := time.Since(begin), strings.Count(log.String(), "\n"); took < 16*time.Minute || lines < 16 || lines > 17 {
			t.Errorf("1,000 tries took %v and wrote %d lines:\n%s", took, lines, log.String())
		}
		time.AfterFunc(time.Minute, func() { l.Close() })
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed while it waits for a file: %v", err)
		}
	})
}
