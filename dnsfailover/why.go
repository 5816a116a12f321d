package dnsfailover

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/zones"
)

// Why returns the answer for a fully qualified name that client, if it is valid, gets at now, and the rules that led to it.
func (s *instance) Why(name string, qtype uint16, client netip.Addr, now time.Time) (api.Why, error) {
	set := s.live.Load()
	query := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	packet, err := query.Pack()
	if err != nil {
		return api.Why{}, &api.Problem{Title: "bad name", Status: 400, Detail: fmt.Sprintf("%q is not a domain name", name)}
	}
	responder := zones.Responder{Client: client}
	out := make([]byte, 1<<16)
	answer := new(dns.Msg)
	if err := answer.Unpack(out[:responder.Respond(set, packet, out, zones.Stream, now.UnixNano())]); err != nil {
		return api.Why{}, fmt.Errorf("unpack the answer for %s: %w", name, err)
	}
	why := api.Why{
		Name: query.Question[0].Name, Type: typeName(qtype),
		Rcode: dns.RcodeToString[answer.Rcode], Answer: texts(answer.Answer), Authority: texts(answer.Ns),
		Service: responder.Service, Steps: []api.Step{},
	}
	if answer.Rcode == dns.RcodeFormatError || answer.Rcode == dns.RcodeNotImplemented {
		why.Steps = append(why.Steps, api.Step{Rule: "question", Applies: true, Text: why.Type + " is no type that can be asked for"})
		return why, nil
	}
	if responder.Zone < 0 {
		why.Steps = append(why.Steps, api.Step{Rule: "zone", Text: "the name lies in none of our zones"})
		return why, nil
	}
	zone := set.Zones()[responder.Zone]
	why.Zone = zone.Name()
	addresses := (qtype == dns.TypeA || qtype == dns.TypeAAAA) && answer.Rcode == dns.RcodeSuccess
	final := finalName(answer)
	why.Steps = append(why.Steps, s.zoneStep(zone, answer, why.Service)...)
	switch {
	case why.Service != "":
		why.Steps = append(why.Steps, api.Step{
			Rule: "service", Applies: true, Text: fmt.Sprintf("%s belongs to service %q", final, why.Service),
		})
		world, rules := s.told.Load().world, s.control.Explain(why.Service, now)
		if step, ok := staffStep(world.Config.Services, why.Service, client); ok {
			for i := range rules {
				rules[i].Applies = rules[i].Applies && !step.Applies
			}
			why.Steps = append(why.Steps, step)
		}
		why.Steps = append(why.Steps, rules...)
		if slot := world.Slots[why.Service]; slot != nil {
			timeline := slot.Load()
			segment := timeline.At(now.UnixNano())
			if responder.Staff {
				segment = timeline.Staff
			}
			why.Steps = append(why.Steps, ttlStep(segment, s.control.Cause(why.Service, now), now))
			if !responder.Staff {
				why.NextChange = s.control.Next(why.Service, now)
				why.Steps = append(why.Steps, nextStep(segment, why.NextChange, now))
			}
		}
		if n := len(answer.Answer); n == 0 || answer.Answer[n-1].Header().Rrtype != qtype {
			why.Steps = append(why.Steps, api.Step{
				Rule: "answer", Applies: true, Text: fmt.Sprintf("what is served has no %s address, so there is no %s record", family(qtype), why.Type),
			})
		}
	case addresses && nearest(s.told.Load().world.Config.Zones, final) < 0:
		why.Steps = append(why.Steps, api.Step{Rule: "service", Text: final + " lies in none of our zones: a resolver asks elsewhere for it"})
	case addresses && answer.Authoritative:
		why.Steps = append(why.Steps, api.Step{Rule: "service", Text: final + " belongs to no service: it is answered as the zone file says"})
	}
	return why, nil
}

// typeName returns the mnemonic of a type, or TYPE65280 (RFC 3597 section 5).
func typeName(qtype uint16) string {
	if qtype == dns.TypeNone {
		return "TYPE0" // which miekg calls None
	}
	return dns.Type(qtype).String()
}

// family names the addresses that a type holds.
func family(qtype uint16) string {
	if qtype == dns.TypeAAAA {
		return "IPv6"
	}
	return "IPv4"
}

// zoneStep tells what the zone alone made of the question. The name at the end of it belongs to service, if that is not empty.
func (s *instance) zoneStep(zone *zones.Zone, answer *dns.Msg, service string) []api.Step {
	step := func(format string, a ...any) []api.Step {
		return []api.Step{{Rule: "zone", Applies: true, Text: fmt.Sprintf(format, a...)}}
	}
	switch {
	case zone.Broken():
		return step("the file of zone %s can't be used and nothing older is there: SERVFAIL", zone.Name())
	case answer.Rcode == dns.RcodeNameError:
		return step("zone %s has neither the name nor a wildcard for it", zone.Name())
	case answer.Rcode == dns.RcodeRefused:
		return step("zone %s is not given away: transfers are refused", zone.Name())
	case !answer.Authoritative:
		return step("zone %s delegates the name away%s", zone.Name(), delegated(answer))
	case len(answer.Answer) == 0 && service != "":
		return step("zone %s (serial %d) has the name", zone.Name(), zone.Serial())
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

// delegated says to whom a referral leads.
func delegated(answer *dns.Msg) string {
	var hosts []string
	owner := ""
	for _, rr := range answer.Ns {
		if ns, ok := rr.(*dns.NS); ok {
			owner, hosts = ns.Hdr.Name, append(hosts, ns.Ns)
		}
	}
	if owner == "" {
		return ""
	}
	return fmt.Sprintf(": %s lies on %s", owner, strings.Join(hosts, ", "))
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

// texts returns records in presentation format.
func texts(records []dns.RR) []string {
	out := make([]string, len(records))
	for i, rr := range records {
		out[i] = rr.String()
	}
	return out
}

// ttlStep says which bound the TTL of a service's answers comes from. cause is the known edge ahead.
func ttlStep(segment *zones.Segment, cause string, now time.Time) api.Step {
	ttl := segment.TTL(now.UnixNano())
	unbound := *segment
	unbound.Edge = 0
	text := fmt.Sprintf("%d s, the most that is configured", ttl)
	if unbound.TTL(now.UnixNano()) > ttl {
		text = fmt.Sprintf("%d s: counts down to %s at %s", ttl, cmp.Or(cause, "the change"), time.Unix(0, segment.Edge).UTC().Format(time.RFC3339))
	} else if unbound.Change = 0; unbound.TTL(now.UnixNano()) > ttl {
		text = fmt.Sprintf("%d s: results are coming in that may change what is served, at the earliest in %.1f s (the least is %d s)",
			ttl, max(time.Unix(0, segment.Change).Sub(now), 0).Seconds(), segment.Min)
	}
	return api.Step{Rule: "ttl", Applies: true, Text: text}
}

// nextStep says when something else may be served, at the earliest.
func nextStep(segment *zones.Segment, next *api.NextChange, now time.Time) api.Step {
	step := api.Step{Rule: "next"}
	var parts []string
	if at := time.Unix(0, segment.Change); segment.Change != 0 && (next == nil || at.Before(next.At)) {
		parts = append(parts, fmt.Sprintf("in %.1f s at the earliest, if the results that are coming in go on like that", max(at.Sub(now), 0).Seconds()))
	}
	if next != nil {
		serving := cmp.Or(next.Serving, "nothing")
		parts = append(parts, fmt.Sprintf("%s at %s: %s", serving, next.At.UTC().Format(time.RFC3339), next.Reason))
	}
	if step.Applies = len(parts) > 0; step.Applies {
		step.Text = strings.Join(parts, "; ")
	} else {
		step.Text = "no change is known: only a verdict, an operator or a reload makes one"
	}
	return step
}
