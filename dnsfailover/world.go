package dnsfailover

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/control"
	"dnsfailover/zones"
)

// world is a configuration with the zones that were compiled for it.
type world struct {
	control.World
	zones    []zoneState // in the order of the configuration
	warnings []string
}

// zoneState is how one zone came to be what is served.
type zoneState struct {
	loaded  time.Time
	problem string // why the file was not taken; empty if it was
}

// build compiles the zones of cfg. Where a file can't be used the zone stays as it is in old, or, if it isn't there,
// answers SERVFAIL. old is nil at the start.
//
// Every world has slots of its own, so that what is decided for it can't show in the world before. A zone that stays is bound
// to the new ones.
func build(cfg *config.Config, old *world, now time.Time) *world {
	w := &world{World: control.World{Config: cfg, Slots: map[string]*zones.Slot{}}}
	for _, s := range cfg.Services {
		w.Slots[s.Name] = &zones.Slot{Staff: zones.NewNetworks(s.Staff)}
	}
	dynamics := w.dynamics()
	var list []*zones.Zone
	for i, z := range cfg.Zones {
		zone, problems := zones.Load(z.Name, z.File, dynamics[i])
		state := zoneState{loaded: now}
		for _, p := range problems {
			if p.Warning {
				w.warnings = append(w.warnings, p.String())
			}
		}
		if zone == nil {
			zone, state = w.keep(z.Name, old)
			state.problem = firstProblem(problems) + state.problem
		} else if warning := doubtfulSerial(z.File, zone, dynamics[i], old); warning != "" {
			w.warnings = append(w.warnings, warning)
		}
		list = append(list, zone)
		w.zones = append(w.zones, state)
	}
	w.Set = zones.NewSet(list)
	w.warnings = append(w.warnings, undelegated(cfg, w.Set)...)
	return w
}

// doubtfulSerial warns of a zone that has changed while its serial has not grown (RFC 1982 section 3.2): whoever compares serials
// won't notice. Names that have come to a service or left one are no change of the zone.
func doubtfulSerial(file string, zone *zones.Zone, dynamics []zones.Dynamic, old *world) string {
	if old == nil {
		return ""
	}
	sameName := func(a, b zones.Dynamic) bool { return a.Name == b.Name && a.Service == b.Service }
	for i, before := range old.Set.Zones() {
		if before.Name() != zone.Name() || before.Broken() || before.Same(zone) || !slices.EqualFunc(dynamics, old.dynamics()[i], sameName) {
			continue
		}
		switch ahead := zone.Serial() - before.Serial(); {
		case ahead == 0:
			return fmt.Sprintf("%s: %s: the zone has changed, but its serial is still %d: count it up with each change", file, zone.Name(), zone.Serial())
		case ahead >= 1<<31:
			return fmt.Sprintf("%s: %s: serial %d is not newer than %d, which was served before: count it up with each change", file, zone.Name(), zone.Serial(), before.Serial())
		}
	}
	return ""
}

// undelegated warns of zones that are found here alone: whoever asks another server of the zone above is told that there is no such name.
func undelegated(cfg *config.Config, set *zones.Set) (warnings []string) {
	for _, pair := range set.Undelegated() {
		zone, above := pair[0].Name(), pair[1].Name()
		for i, z := range set.Zones() {
			if z == pair[1] {
				warnings = append(warnings, fmt.Sprintf("%s: %s: the zone %s is served here too, but is not delegated: add NS records for it",
					cfg.Zones[i].File, above, zone))
			}
		}
	}
	return warnings
}

// keep returns the zone of that name as it is in old, bound to the slots of w, or a broken one. The problem is
// of names that no service of w decides over any more.
func (w *world) keep(name string, old *world) (*zones.Zone, zoneState) {
	if old != nil {
		for i, z := range old.Set.Zones() {
			if z.Name() != name {
				continue
			}
			kept, gone := z.Rebind(func(service string) *zones.Slot { return w.Slots[service] })
			state := zoneState{loaded: old.zones[i].loaded}
			if len(gone) > 0 {
				state.problem = fmt.Sprintf("; until it is mended, names of services that are gone (%s) are answered as last decided, without failover",
					strings.Join(gone, ", "))
			}
			return kept, state
		}
	}
	return zones.Broken(name), zoneState{}
}

// firstProblem says what is wrong with a zone in one line.
func firstProblem(problems []zones.Problem) string {
	var lines []string
	for _, p := range problems {
		if !p.Warning {
			lines = append(lines, p.String())
		}
	}
	if len(lines) > 1 {
		return fmt.Sprintf("%s (and %d more, see dnsfailover validate)", lines[0], len(lines)-1)
	}
	return strings.Join(lines, "")
}

// dynamics returns, by zone, the names that belong to services.
func (w *world) dynamics() [][]zones.Dynamic {
	by := make([][]zones.Dynamic, len(w.Config.Zones))
	for _, s := range w.Config.Services {
		var repeats []netip.Addr
		for _, a := range s.Targets[0].Addresses {
			repeats = append(repeats, a.IP)
		}
		for _, r := range s.Records {
			if i := nearest(w.Config.Zones, r.Name); i >= 0 {
				by[i] = append(by[i], zones.Dynamic{
					Name: r.Name, Service: s.Name, Where: r.Where, Slot: w.Slots[s.Name], Repeats: repeats,
				})
			}
		}
	}
	return by
}

// nearest returns the index of the zone with the longest apex that name lies in; -1 for none.
func nearest(list []config.Zone, name string) int {
	best := -1
	for i, z := range list {
		if z.Name == "." || name == z.Name || strings.HasSuffix(name, "."+z.Name) {
			if best < 0 || len(z.Name) > len(list[best].Name) {
				best = i
			}
		}
	}
	return best
}
