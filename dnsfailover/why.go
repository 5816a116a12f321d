package dnsfailover

import (
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/zones"
)

// Why returns the answer for a fully qualified name at now, and the rules that led to it.
func (s *instance) Why(name string, qtype uint16, now time.Time) (api.Why, error) {
	set := s.live.Load()
	query := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	packet, err := query.Pack()
	if err != nil {
		return api.Why{}, &api.Problem{Title: "bad name", Status: 400, Detail: fmt.Sprintf("%q is not a domain name", name)}
	}
	var responder zones.Responder
	out := make([]byte, 1<<16)
	answer := new(dns.Msg)
	if err := answer.Unpack(out[:responder.Respond(set, packet, out, zones.Stream, now.UnixNano())]); err != nil {
		return api.Why{}, fmt.Errorf("unpack the answer for %s: %w", name, err)
	}
	why := api.Why{
		Name: query.Question[0].Name, Type: dns.Type(qtype).String(),
		Rcode: dns.RcodeToString[answer.Rcode], Answer: []string{}, Steps: []api.Step{},
	}
	for _, rr := range answer.Answer {
		why.Answer = append(why.Answer, rr.String())
	}
	if responder.Zone < 0 {
		why.Steps = append(why.Steps, api.Step{Rule: "zone", Text: "the name lies in none of our zones"})
		return why, nil
	}
	zone := set.Zones()[responder.Zone]
	why.Zone = zone.Name()
	why.Steps = append(why.Steps, s.zoneStep(zone, answer)...)
	if qtype != dns.TypeA && qtype != dns.TypeAAAA {
		return why, nil
	}
	final := finalName(answer)
	service, record := s.serviceOf(final)
	if service == "" {
		why.Steps = append(why.Steps, api.Step{Rule: "service", Text: final + " belongs to no service: it is answered as the zone file says"})
		return why, nil
	}
	why.Service = service
	why.Steps = append(why.Steps, api.Step{
		Rule: "service", Applies: true, Text: fmt.Sprintf("%s belongs to service %q by its record %s", final, service, record),
	})
	why.Steps = append(why.Steps, s.control.Explain(service, now)...)
	return why, nil
}

// zoneStep tells what the zone alone made of the question.
func (s *instance) zoneStep(zone *zones.Zone, answer *dns.Msg) []api.Step {
	step := func(format string, a ...any) []api.Step {
		return []api.Step{{Rule: "zone", Applies: true, Text: fmt.Sprintf(format, a...)}}
	}
	switch {
	case zone.Broken():
		return step("the file of zone %s can't be used and nothing older is there: SERVFAIL", zone.Name())
	case answer.Rcode == dns.RcodeNameError:
		return step("zone %s has neither the name nor a wildcard for it", zone.Name())
	case !answer.Authoritative:
		return step("zone %s delegates the name away", zone.Name())
	case len(answer.Answer) == 0:
		return step("zone %s has the name, but nothing of this type", zone.Name())
	}
	steps := step("zone %s (serial %d) answers", zone.Name(), zone.Serial())
	for _, rr := range answer.Answer {
		if alias, ok := rr.(*dns.CNAME); ok {
			steps = append(steps, api.Step{Rule: "alias", Applies: true, Text: fmt.Sprintf("%s is an alias of %s", alias.Hdr.Name, alias.Target)})
		}
	}
	return steps
}

// finalName returns the name at the end of an answer's aliases.
func finalName(answer *dns.Msg) string {
	name := answer.Question[0].Name
	for _, rr := range answer.Answer {
		if alias, ok := rr.(*dns.CNAME); ok {
			name = alias.Target
		}
	}
	return dns.CanonicalName(name)
}

// serviceOf returns the service to which name belongs and by which of its records; "" if to none. An exact record goes
// before a wildcard, the nearest wildcard first.
func (s *instance) serviceOf(name string) (service, record string) {
	records := map[string]string{}
	for _, service := range s.services() {
		for _, r := range service.Records {
			records[r.Name] = service.Name
		}
	}
	if service, ok := records[name]; ok {
		return service, name
	}
	for rest := name; ; {
		at, end := dns.NextLabel(rest, 0)
		if end {
			return "", ""
		}
		rest = rest[at:]
		if service, ok := records["*."+strings.TrimPrefix(rest, ".")]; ok {
			return service, "*." + rest
		}
	}
}
