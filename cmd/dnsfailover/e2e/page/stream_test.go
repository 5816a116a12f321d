package page

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestStreamsArriveAsTheyAreWritten: each event is sent when the client has told that it has the one before, so that one which is kept back anywhere is the end.
func TestStreamsArriveAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	var streams sync.Map // of chan bool, by the path: the client has an event
	site := origin(t, func(w http.ResponseWriter, r *http.Request) {
		media, form := "text/event-stream", "data: %d\n\n"
		if r.URL.Query().Has("chunks") {
			media, form = "application/octet-stream", "%d\n"
		}
		w.Header().Set("Content-Type", media)
		next, _ := streams.Load(r.URL.Path)
		for i := range 5 {
			fmt.Fprintf(w, form, i)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-next.(chan bool):
			case <-r.Context().Done():
				return
			}
		}
	})
	h := passing(t, addressed(site), nil)
	h.everyWay(t, func(t *testing.T, client *http.Client, base string) {
		for query, form := range map[string]string{"": "data: %d\n\n", "?chunks": "%d\n"} {
			next := make(chan bool)
			u, err := url.Parse(base + rand.Text() + query)
			if err != nil {
				t.Fatal(err)
			}
			streams.Store(u.Path, next)
			resp, err := client.Get(u.String())
			if err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(resp.Body)
			for i := range 5 {
				want := fmt.Sprintf(form, i)
				got := make([]byte, len(want))
				if _, err := io.ReadFull(in, got); err != nil || string(got) != want {
					t.Fatalf("%q, not %q: %v", got, want, err)
				}
				if i == 4 && query == "" {
					time.Sleep(2500 * time.Millisecond) // longer than a whole request for the notice may take
				}
				next <- true
			}
			if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
				t.Errorf("behind the last: %q %v", rest, err)
			}
			resp.Body.Close()
		}
	})
}

// TestBodiesStreamUpward, and the answer comes down while the body goes up: the client sends the next line when it has the echo of the last.
func TestBodiesStreamUpward(t *testing.T) {
	t.Parallel()
	site := origin(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		_ = control.Flush()
		in := bufio.NewScanner(r.Body)
		for in.Scan() {
			fmt.Fprintf(w, "echo %s\n", in.Text())
			_ = control.Flush()
		}
	})
	h := passing(t, addressed(site), nil)
	h.everyWay(t, func(t *testing.T, client *http.Client, base string) {
		body, up := io.Pipe()
		late := time.AfterFunc(patience, func() { body.CloseWithError(os.ErrDeadlineExceeded) })
		defer late.Stop()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"echo", body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		in := bufio.NewReader(resp.Body)
		for i := range 5 {
			fmt.Fprintf(up, "%d\n", i)
			if line, err := in.ReadString('\n'); err != nil || line != fmt.Sprintf("echo %d\n", i) {
				t.Fatalf("%q %v", line, err)
			}
		}
		up.Close()
		if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
			t.Errorf("behind the last: %q %v", rest, err)
		}
	})
}

// TestLargeBodies of 100 MB pass whole, down and up, through little memory.
func TestLargeBodies(t *testing.T) {
	t.Parallel()
	const size = 100_000_000
	sum := func(r io.Reader) string {
		digest := sha256.New()
		n, err := io.Copy(digest, r)
		return fmt.Sprintf("%d %x %v", n, digest.Sum(nil), err)
	}
	want := sum(&noise{left: size})
	site := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			fmt.Fprint(w, sum(r.Body))
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = io.Copy(w, &noise{left: size})
	})
	h := passing(t, addressed(site), nil)
	before := h.peak(t)
	for _, p := range protocols[1:] {
		client, base := h.client("127.66.0.9", p.secure, p.http2), "https://www.example.com/api/"
		begun := time.Now()
		resp, err := client.Get(base)
		if err != nil {
			t.Fatal(err)
		}
		if got := sum(resp.Body); got != want || resp.ContentLength != size {
			t.Errorf("%s down: %s of %d, not %s", p.name, got, resp.ContentLength, want)
		}
		resp.Body.Close()
		down := time.Since(begun)
		begun = time.Now()
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, base, &noise{left: size})
		if resp, err = client.Do(req); err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(resp.Body); string(got) != want {
			t.Errorf("%s up: %s, not %s", p.name, got, want)
		}
		resp.Body.Close()
		t.Logf("%s: 100 MB down in %v, up in %v", p.name, down.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond))
	}
	grown := h.peak(t) - before
	t.Logf("at its peak it took %d KiB more", grown)
	if grown > 64<<10 {
		t.Errorf("400 MB have passed, and it takes %d KiB more", grown)
	}
}

// noise is octets of which no part is like another, made quickly.
type noise struct {
	left int
	unit []byte // of it, what is still to come
}

func (n *noise) Read(b []byte) (int, error) {
	if n.left == 0 {
		return 0, io.EOF
	}
	b = b[:min(len(b), n.left)]
	const unit = 1 << 10 // begins with where it is
	for done := 0; done < len(b); {
		if len(n.unit) == 0 {
			n.unit = bytes.Repeat([]byte("noise..."), unit/8)
			copy(n.unit, fmt.Sprint(n.left-done))
		}
		k := copy(b[done:], n.unit)
		n.unit = n.unit[k:]
		done += k
	}
	n.left -= len(b)
	return len(b), nil
}

// TestTrailers pass in both directions.
func TestTrailers(t *testing.T) {
	t.Parallel()
	site := origin(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "Sum")
		fmt.Fprintf(w, "%s %s", body, r.Trailer.Get("Up"))
		w.Header().Set("Sum", "42")
		w.Header().Set(http.TrailerPrefix+"Late", "43") // not announced
	})
	h := passing(t, addressed(site), nil)
	h.everyWay(t, func(t *testing.T, client *http.Client, base string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base, io.MultiReader(strings.NewReader("body"))) // of unknown length
		if err != nil {
			t.Fatal(err)
		}
		req.Trailer = http.Header{"Up": {"41"}}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "body 41" {
			t.Errorf("upward: %q %v", body, err)
		}
		if resp.Trailer.Get("Sum") != "42" || resp.Trailer.Get("Late") != "43" {
			t.Errorf("downward: %v", resp.Trailer)
		}
	})
}
