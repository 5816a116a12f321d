package config

import (
	"encoding/base64"
	"html/template"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dnsfailover/dnsfailover/page/notice"
	"dnsfailover/dnsfailover/page/staff"
)

// maxLogo bounds a logo, in bytes: it is part of every page.
const maxLogo = 128 << 10

// readFiles resolves paths against dir and reads what the configuration refers to.
func (p *rawPage) readFiles(r *report, dir string) {
	if !p.inside {
		p.state.v = absolute(resolve(dir, p.state.v))
	}
	if p.control.from == absent {
		p.control = leaf[string]{pos: p.state.pos, v: filepath.Join(p.state.v, "page.sock"), from: builtin, bad: p.state.bad}
	}
	p.control.v = absolute(resolve(dir, p.control.v))
	if p.control.ok() && len(p.control.v) > maxSocket {
		r.problem(p.control.pos, "the path of the control socket has %d bytes, but no socket can have more than %d: set control to a shorter one", len(p.control.v), maxSocket)
	}
	for _, c := range p.certificates.items {
		c.readPair(r, dir)
	}
	if p.token.ok() {
		t := rawToken{file: p.token}
		t.readSecret(r, dir)
		p.tokenText = t.secret
	}
	if p.secret.ok() {
		p.secretText = []byte(readTokenOf(r, p.secret, dir, staff.MinSecret))
	}
	if p.log != nil && p.log.file.ok() {
		p.log.file.v = resolve(dir, p.log.file.v)
	}
	for _, h := range p.hosts.items {
		h.file.v = resolveIf(h.file, dir)
		for _, u := range h.upstreams() {
			c := rawCheck{ca: u.ca}
			c.readRoots(r, dir)
			u.roots = c.roots
		}
		for _, path := range h.paths.items {
			if !path.dir.ok() {
				continue
			}
			path.dir.v = resolve(dir, path.dir.v)
			if info, err := os.Stat(path.dir.v); err != nil {
				r.problem(path.dir.pos, "%s can't be served: %s", path.dir.v, reason(err))
			} else if !info.IsDir() {
				r.problem(path.dir.pos, "%s is not a directory", path.dir.v)
			}
		}
		h.readDesign(r, dir)
	}
}

func resolveIf(l leaf[string], dir string) string {
	if !l.ok() {
		return ""
	}
	return resolve(dir, l.v)
}

// readDesign makes the design of a host, and tries its template with everything that it will be given.
func (h *rawPageHost) readDesign(r *report, dir string) {
	d := &notice.Design{
		Site: h.site.v, Accent: h.accent.v, AccentDark: h.accentDark.v, Contact: h.contact.v, Policy: h.policy.v,
		Languages: notice.Languages(h.language.v, h.texts),
	}
	if d.AccentDark == "" && h.accent.ok() {
		d.AccentDark = notice.Lightened(d.Accent)
	}
	if d.Site == "" && len(h.names.items) > 0 {
		d.Site = strings.TrimPrefix(strings.TrimSuffix(h.names.items[0].v, "."), "*.")
	}
	h.design = d
	if h.logo.ok() {
		d.Logo = readLogo(r, h.logo, resolve(dir, h.logo.v))
	}
	if !h.template.ok() {
		return
	}
	path := resolve(dir, h.template.v)
	text, _, ok := readReferred(r, h.template, path)
	if !ok {
		return
	}
	var err error
	if d.Template, err = template.New(filepath.Base(path)).Parse(string(text)); err == nil {
		err = d.Try()
	}
	if err != nil {
		r.template(path, string(text), err)
	}
}

func readLogo(r *report, l leaf[string], path string) template.URL {
	data, _, ok := readReferred(r, l, path)
	if !ok {
		return ""
	}
	if len(data) > maxLogo {
		r.problem(l.pos, "%s has %d KiB, which every page would carry: make it smaller than %d", path, len(data)>>10, maxLogo>>10)
		return ""
	}
	kind := http.DetectContentType(data)
	if strings.EqualFold(filepath.Ext(path), ".svg") && strings.Contains(string(data[:min(len(data), 4<<10)]), "<svg") {
		kind = "image/svg+xml"
	}
	if !slices.Contains([]string{"image/svg+xml", "image/png", "image/jpeg", "image/webp", "image/gif"}, kind) {
		r.problem(l.pos, "%s is no SVG, PNG, JPEG, GIF or WebP picture", path)
		return ""
	}
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data))
}
