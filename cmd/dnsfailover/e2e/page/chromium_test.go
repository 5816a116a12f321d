package page

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// browser is a headless Chromium. It is spoken to in the DevTools protocol over a pair of pipes: JSON, each message ended by NUL.
type browser struct {
	*process.Process
	pipe *os.File

	mu    sync.Mutex // of what follows
	calls map[int]chan message
	tabs  map[string]*tab // by session
}

// message is what goes through the pipes: a call, its answer, or an event.
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// chromium starts a browser that lives until the test ends, its subtests included. All names below example.com are this host to it; it knows no other, and takes their certificates as they are.
func chromium(t *testing.T) *browser {
	t.Helper()
	home := t.TempDir()
	cmd := exec.Command(process.Find(t, "chromium", "chromium"), "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-proxy-server",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage",
		"--log-level=3", "--ignore-certificate-errors", "--host-resolver-rules=MAP *.example.com 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--user-data-dir="+home)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home)
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	heard, said, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{theirs, said} // as 3 and 4
	b := &browser{Process: process.Start(t, "chromium", cmd), pipe: ours, calls: map[int]chan message{}, tabs: map[string]*tab{}}
	theirs.Close()
	said.Close()
	t.Cleanup(func() { ours.Close() })
	go b.listen(heard)
	return b
}

// listen hands answers to who waits for them and events to their tab, until the browser ends.
func (b *browser) listen(heard *os.File) {
	defer heard.Close()
	for in := bufio.NewReader(heard); ; {
		line, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(line[:len(line)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		answered, of := b.calls[m.ID], b.tabs[m.Session]
		delete(b.calls, m.ID)
		b.mu.Unlock()
		switch {
		case answered != nil:
			answered <- m
		case of != nil:
			of.note(m)
		}
	}
}

// try calls a method of a session, "" being the browser's own, and fills result unless it is nil.
func (b *browser) try(session, method string, params, result any) error {
	encoded, err := json.Marshal(params)
	if err != nil {
		return err
	}
	answered := make(chan message, 1)
	b.mu.Lock()
	id := 1
	for b.calls[id] != nil {
		id++
	}
	b.calls[id] = answered
	line, _ := json.Marshal(message{ID: id, Session: session, Method: method, Params: encoded})
	_, err = b.pipe.Write(append(line, 0))
	b.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m := <-answered:
		if m.Error != nil {
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			return json.Unmarshal(m.Result, result)
		}
		return nil
	case <-b.Exit:
		return fmt.Errorf("%s: the browser has ended", method)
	case <-time.After(patience):
		return fmt.Errorf("%s: no answer within %v", method, patience)
	}
}

// object is the parameters of a call.
type object map[string]any
