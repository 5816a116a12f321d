package api

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Page is the answer of a page host to GET /api/v1/page.
type Page struct {
	Version  string   `json:"version"`
	Problems []string `json:"problems"` // what is amiss, one sentence each
	Sites    []Site   `json:"sites"`
}

// Site is what a page host does for one site.
type Site struct {
	Name    string     `json:"name"` // the first of Names, or "*" for all others
	Names   []string   `json:"names"`
	Mode    string     `json:"mode"` // notice, open or paused; gone in the answer to forget if no host has the name any more
	Planned bool       `json:"planned"`
	Reason  string     `json:"reason"`
	Until   *time.Time `json:"until"`
	Because string     `json:"because"` // what decided
	Waiting int        `json:"waiting"` // requests that are held
	Notices uint64     `json:"notices"` // shown so far
	Passed  uint64     `json:"passed"`  // requests passed on so far
}

// PageOrder is the body of POST /api/v1/page/sites/{site}/{pause, resume, stop or forget}.
type PageOrder struct {
	Message string     `json:"message,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
	Author  string     `json:"author,omitempty"`
}

// Page asks a page host for the state of its sites.
func (c *Client) Page(ctx context.Context) (Page, error) {
	return call[Page](ctx, c, http.MethodGet, "/api/v1/page", nil)
}

// OrderPage tells a page host to pause, resume, stop or forget for a site.
func (c *Client) OrderPage(ctx context.Context, site, mode string, o PageOrder) (Site, error) {
	return call[Site](ctx, c, http.MethodPost, "/api/v1/page/sites/"+url.PathEscape(site)+"/"+mode, o)
}
