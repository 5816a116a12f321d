package admin

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"dnsfailover/dnsfailover/api"
)

// field is one member that a request's object may have.
type field struct {
	name string
	into any
	want string // what its value must be, in words
}

// decode reads the body of r: one JSON object, with no members but fields, each at most once. Every
// error says what to change in terms of JSON.
func decode(w http.ResponseWriter, r *http.Request, fields []field) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || r.Header.Get("Content-Encoding") != "" {
		return problem(http.StatusUnsupportedMediaType, "the body must be plain JSON, with \"Content-Type: application/json\"")
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	open, err := dec.Token()
	if err != nil {
		return unreadable(err)
	}
	if open != json.Delim('{') {
		return problem(http.StatusBadRequest, "the body must be one JSON object, with members such as %q", fields[0].name)
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return unreadable(err)
		}
		name := key.(string) // a decoder inside an object gives nothing else here
		f, err := find(fields, name)
		if err != nil {
			return err
		}
		if seen[name] {
			return problem(http.StatusBadRequest, "%q is there twice", name)
		}
		seen[name] = true
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return unreadable(err)
		}
		if string(raw) == "null" || json.Unmarshal(raw, f.into) != nil {
			return problem(http.StatusBadRequest, "%q must be %s", name, f.want)
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return unreadable(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return unreadable(err)
		}
		return problem(http.StatusBadRequest, "something follows the JSON object: leave it out")
	}
	return nil
}

func find(fields []field, name string) (field, error) {
	names := make([]string, len(fields))
	for i, f := range fields {
		if f.name == name {
			return f, nil
		}
		names[i] = f.name
	}
	return field{}, problem(http.StatusBadRequest, "%q is not known here; there are %s", name, strings.Join(names, ", "))
}

func unreadable(err error) *api.Problem {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return problem(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", large.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return problem(http.StatusRequestTimeout, "the body did not come within %s", readTimeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return problem(http.StatusBadRequest, "the body ends before its JSON does")
	}
	return problem(http.StatusBadRequest, "the body is not JSON: %s", strings.TrimPrefix(err.Error(), "json: "))
}
