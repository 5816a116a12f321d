package notice

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"
)

// plain is the notice for terminals.
func plain(v *View) []byte {
	var b strings.Builder
	b.WriteString(v.Headline() + "\n\n" + v.Text + "\n")
	if v.Reason != "" {
		b.WriteString(v.Words.Reason + ": " + v.Reason + "\n")
	}
	if v.Ends() {
		b.WriteString(v.Words.Back + ": " + v.UntilText() + "\n")
	}
	if v.Contact != "" {
		b.WriteString(v.Words.Contact + ": " + v.Contact + "\n")
	}
	return []byte(b.String())
}

// problem is the notice for programs: RFC 9457, with what else is known as extensions. Planned says whether somebody has announced
// it, Reason why, Until when it is expected to end; the last two are missing if they aren't known.
type problem struct {
	XMLName xml.Name `json:"-" xml:"urn:ietf:rfc:7807 problem"`
	Type    string   `json:"type" xml:"type"`
	Title   string   `json:"title" xml:"title"`
	Status  int      `json:"status" xml:"status"`
	Detail  string   `json:"detail" xml:"detail"`
	Site    string   `json:"site,omitempty" xml:"site,omitempty"`
	Planned bool     `json:"planned" xml:"planned"`
	Reason  string   `json:"reason,omitempty" xml:"reason,omitempty"`
	Until   string   `json:"until,omitempty" xml:"until,omitempty"`
}

func problemOf(v *View) problem {
	p := problem{
		Type: "about:blank", Title: http.StatusText(http.StatusServiceUnavailable), Status: http.StatusServiceUnavailable,
		Detail: v.Title + ". " + v.Text, Site: v.Site, Planned: v.Planned, Reason: v.Reason,
	}
	if v.Ends() {
		p.Until = v.UntilStamp()
	}
	return p
}

func problemJSON(v *View) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it is never read as HTML: the type says so, and nosniff
	e.SetIndent("", "  ")
	_ = e.Encode(problemOf(v)) // strings and a number can't fail
	return b.Bytes()
}

// problemXML is the same in the XML of RFC 9457 appendix B.
func problemXML(v *View) []byte {
	out, _ := xml.MarshalIndent(problemOf(v), "", "  ") // as above
	return append([]byte(xml.Header), append(out, '\n')...)
}
