package policy

import "dnsfailover/zones"

// staff returns what the service's staff is served: the first target, as if an operator had switched to it for good. It is
// nil if the service has no staff.
func staff(in Input) *zones.Segment {
	if len(in.Service.Staff) == 0 {
		return nil
	}
	in.Override = &Override{Target: 0}
	selection := Decide(in).Selection
	s := &zones.Segment{Change: nanos(change(in, selection))}
	in.fill(s, selection)
	return s
}
