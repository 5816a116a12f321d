package config

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"dnsfailover/dnsfailover/page/notice"
)

// LoadPage reads, checks and converts the configuration of a page host in file. With problems the configuration is nil.
func LoadPage(file string) (*Page, []Problem) {
	data, problems := readWhole(file)
	if problems != nil {
		return nil, problems
	}
	return ParsePage(file, data)
}

// ParsePage checks and converts the configuration of a page host in data, as Parse does that of a server.
func ParsePage(file string, data []byte) (*Page, []Problem) {
	r := &report{file: file}
	p := parsePage(r, filepath.Dir(file), data)
	if len(r.problems) > 0 {
		return nil, r.listed()
	}
	p.Warnings = inOrder(r.warnings)
	return p, nil
}

func parsePage(r *report, dir string, data []byte) *Page {
	root := document(r, data, "listen or hosts")
	if root == nil {
		return nil
	}
	raw := decodePage(r, root, "the file")
	raw.check(r, dir)
	if len(r.problems) > 0 {
		return nil
	}
	return raw.build(r.file)
}

// check fills in, judges and reads what is left to do once the shape is known.
func (p *rawPage) check(r *report, dir string) {
	p.setDefaults()
	p.checkRules(r)
	p.readFiles(r, dir)
	p.doubt(r)
}

// build returns what the program works with. Nothing can go wrong any more.
func (p *rawPage) build(file string) *Page {
	out := &Page{
		File: file, Admin: p.admin.v, Control: p.control.v, State: p.state.v,
		Redirect: p.redirect.v == "true", HSTS: p.hsts.v,
		Limits: PageLimits{Conns: p.conns.v, PerClient: p.perClient.v, Head: p.head.v, Idle: p.idle.v, Body: p.body.v},
		Staff:  PageStaff{Secret: p.secretText, For: p.staffFor.v},
	}
	for _, l := range p.http.items {
		out.HTTP = append(out.HTTP, l.v)
	}
	for _, l := range p.https.items {
		out.HTTPS = append(out.HTTPS, l.v)
	}
	for _, l := range p.networks.items {
		out.Staff.Networks = append(out.Staff.Networks, l.v.Masked())
	}
	for _, c := range p.certificates.items {
		out.Certificates = append(out.Certificates, PagePair{c.certificate.v, c.key.v})
	}
	if p.source.ok() {
		out.Source = &PageSource{URL: p.source.v, Token: p.tokenText}
	}
	if p.log != nil {
		out.Log = &PageLog{File: p.log.file.v, JSON: p.log.format.v == "json"}
	}
	for _, h := range p.hosts.items {
		out.Hosts = append(out.Hosts, h.build())
	}
	if !slices.ContainsFunc(out.Hosts, func(h PageHost) bool { return len(h.Names) == 0 }) {
		h := rawPageHost{}
		(&rawPage{hosts: list[*rawPageHost]{items: []*rawPageHost{&h}}}).setDefaults()
		h.design = &notice.Design{Languages: notice.Languages("en", nil)}
		out.Hosts = append(out.Hosts, h.build())
	}
	return out
}

func (h *rawPageHost) build() PageHost {
	out := PageHost{
		Service: h.service.v, Design: h.design, File: h.file.v, RetryAfter: h.retryAfter.v, Open: h.normally.v == "primary",
		Planned: notice.Facts{Planned: h.planned, Reason: h.reason.v, Until: h.until.v},
		Hold:    PageHold{For: h.holdFor.v, Max: h.holdMax.v, PerClient: h.holdEach.v, Bytes: h.holdBytes.v},
	}
	for _, n := range h.names.items {
		out.Names = append(out.Names, strings.TrimSuffix(n.v, "."))
	}
	if h.primary != nil {
		out.Primary = h.primary.build()
	}
	for _, p := range h.paths.items {
		path := PagePath{Prefix: p.path.v, Dir: p.dir.v}
		if p.proxy != nil {
			path.Proxy = p.proxy.build()
		}
		out.Paths = append(out.Paths, path)
	}
	slices.SortStableFunc(out.Paths, func(a, b PagePath) int { return len(b.Prefix) - len(a.Prefix) })
	return out
}

func (u *rawUpstream) build() *PageUpstream {
	out := &PageUpstream{TLS: u.scheme.v == "https"}
	for _, a := range u.addresses.items {
		out.Addresses = append(out.Addresses, netip.AddrPortFrom(a.v.Addr().Unmap(), a.v.Port()))
	}
	if u.roots != nil {
		out.Roots = u.roots.pool
	}
	return out
}
