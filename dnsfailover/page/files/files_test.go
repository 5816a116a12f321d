package files

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// site makes a directory, with a secret beside it.
func site(t *testing.T) Directory {
	t.Helper()
	top := t.TempDir()
	for name, text := range map[string]string{
		"secret":                "secret",
		"public/index.html":     "<h1>front</h1>",
		"public/logo.svg":       "<svg/>",
		"public/a b/ü.txt":      "text",
		"public/sub/index.html": "<h1>sub</h1>",
		"public/empty/x.txt":    "x",
		"public/.env":           "secret",
		"public/.git/config":    "secret",
		"public/run.php":        "<?php echo 1;",
	} {
		path := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	public := filepath.Join(top, "public")
	for link, to := range map[string]string{"out": "../secret", "absolute": "/etc/passwd", "inside": "logo.svg", "updir": ".."} {
		if err := os.Symlink(to, filepath.Join(public, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(public, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Directory{public}
}

func TestServe(t *testing.T) {
	d := site(t)
	const none = "no such file"
	for _, tc := range []struct{ name, want, kind string }{
		{"/", "<h1>front</h1>", "text/html; charset=utf-8"},
		{"/index.html", "<h1>front</h1>", "text/html; charset=utf-8"},
		{"/logo.svg", "<svg/>", "image/svg+xml"},
		{"/inside", "<svg/>", "text/plain; charset=utf-8"},
		{"/a b/ü.txt", "text", "text/plain; charset=utf-8"},
		{"/sub/", "<h1>sub</h1>", "text/html; charset=utf-8"},
		{"/run.php", "<?php echo 1;", "*"}, // of a type that the system knows or not
		{name: "/empty/"},
		{name: "/empty"},
		{name: "/missing"},
		{name: "/logo.svg/x"},
		{name: "/.env"},
		{name: "/.git/config"},
		{name: "/../secret"},
		{name: "/sub/../../secret"},
		{name: "/sub/..%2f..%2fsecret"},
		{name: `/..\secret`},
		{name: "/logo.svg\x00.html"},
		{name: "/out"},
		{name: "/absolute"},
		{name: "/updir/secret"},
		{name: "/pipe"},
		{name: "//etc/passwd"},
	} {
		w := httptest.NewRecorder()
		if !d.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), tc.name) {
			w.Body.WriteString(none)
		}
		want := tc.want
		if want == "" {
			want = none
		}
		if got := w.Body.String(); got != want {
			t.Errorf("%q: %q, want %q", tc.name, got, want)
		}
		if got := w.Header().Get("Content-Type"); got != tc.kind && tc.kind != "*" {
			t.Errorf("%q is of type %q, want %q", tc.name, got, tc.kind)
		}
	}
}

func TestDirectoryLeadsToItsSlash(t *testing.T) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/help/sub?q=1", nil)
	if !site(t).Serve(w, r, "/sub") || w.Code != http.StatusFound || w.Header().Get("Location") != "/help/sub/?q=1" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	w = httptest.NewRecorder()
	r = httptest.NewRequest(http.MethodGet, "/sub", nil)
	r.URL.Path = "//evil.example/sub" // that would be another host
	if !site(t).Serve(w, r, "/sub") || w.Header().Get("Location") != "/evil.example/sub/" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
}

func TestOnlyGetAndHead(t *testing.T) {
	d := site(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "PROPFIND"} {
		if d.Serve(httptest.NewRecorder(), httptest.NewRequest(method, "/", nil), "/logo.svg") {
			t.Errorf("%s is answered", method)
		}
	}
	w := httptest.NewRecorder()
	if !d.Serve(w, httptest.NewRequest(http.MethodHead, "/", nil), "/logo.svg") || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "6" {
		t.Errorf("HEAD: %d octets, length %s", w.Body.Len(), w.Header().Get("Content-Length"))
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Range", "bytes=1-3")
	w = httptest.NewRecorder()
	d.Serve(w, r, "/logo.svg")
	if b, _ := io.ReadAll(w.Result().Body); w.Code != http.StatusPartialContent || string(b) != "svg" {
		t.Errorf("a range: %d %q", w.Code, b)
	}
}

func TestAnotherDirectoryTakesItsPlace(t *testing.T) {
	d := site(t)
	if err := os.Rename(d.Path, d.Path+".old"); err != nil {
		t.Fatal(err)
	}
	if d.Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), "/logo.svg") {
		t.Error("a directory that has gone is served from")
	}
	if err := os.Symlink(d.Path+".old", d.Path); err != nil {
		t.Fatal(err)
	}
	if !d.Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), "/logo.svg") {
		t.Error("what came in its place is not served from")
	}
}
