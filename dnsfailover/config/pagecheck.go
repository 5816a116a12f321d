package config

import "gopkg.in/yaml.v3"

// decodeURL reads `http`, or `page`: an http check that wants a page host's notice for an answer.
func (c *rawCheck) decodeURL(r *report, n *yaml.Node, key string) {
	if c.http.from != absent {
		r.problem(pos{n.Line, n.Column}, "a check has http or page, not both: page wants a page host's notice for an answer, http any other")
	}
	c.http = parseURL(r, n, key)
	if key == "page" {
		c.page = c.http
	}
}

// checkPage judges what goes with `page`.
func (c *rawCheck) checkPage(r *report) {
	if c.page.from == absent {
		return
	}
	if c.status.from == written {
		r.problem(c.status.pos, "status is 503 in a page check: remove it")
	}
	if c.redirects.from == written {
		r.problem(c.redirects.pos, "redirects means nothing to a page check, which wants the notice at once: remove it")
	}
}
