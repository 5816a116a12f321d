package files

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"syscall"
)

// Directory is where files are served from. It is opened anew for each request, so that one may be put in its place.
type Directory struct{ Path string }

// Serve answers a GET or HEAD for name, a slash-separated path below the directory, if there is such a file; of a directory that is
// its index.html. It returns false, and has not answered, if there is none or if it must not be told.
func (d Directory) Serve(w http.ResponseWriter, r *http.Request, name string) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || hidden(name) {
		return false
	}
	root, err := os.OpenRoot(d.Path)
	if err != nil {
		return false
	}
	defer root.Close()
	file, info, err := open(root, strings.Trim(name, "/"))
	if err != nil {
		return false
	}
	defer file.Close()
	if strings.HasSuffix(name, "/") && path.Base(file.Name()) == path.Base(name) {
		return false // it is a file, and was asked for as a directory: what is relative in it would lead astray
	}
	if path.Base(file.Name()) == index && !strings.HasSuffix(name, "/") && path.Base(name) != index && strings.Trim(name, "/") != "" {
		// Links in a page are relative to it.
		to := *r.URL
		to.Path, to.RawPath = path.Clean("/"+to.Path)+"/", ""
		http.Redirect(w, r, to.RequestURI(), http.StatusFound)
		return true
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, info.Name(), info.ModTime(), file)
	return true
}

const index = "index.html"

// open opens a regular file below root. A name may lead out of it, or to a pipe where opening would wait: neither is opened.
func open(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	if name == "" {
		name = index
	}
	info, err := root.Stat(name)
	if err == nil && info.IsDir() {
		name = path.Join(name, index)
		info, err = root.Stat(name)
	}
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.ErrUnsupported
	}
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	if info, err = file.Stat(); err == nil && !info.Mode().IsRegular() { // it was changed meanwhile
		err = errors.ErrUnsupported
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// hidden says whether a name is one that is never served: a part of it begins with a dot, which those that lead upward do too,
// or holds what no name of a file should.
func hidden(name string) bool {
	if strings.ContainsAny(name, "\\\x00") {
		return true
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return true
		}
	}
	return false
}
