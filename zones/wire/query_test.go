package wire

import (
	"encoding/binary"
	"testing"
)

// packet builds a query: flags, counts, and what follows the header.
func packet(flags uint16, counts [4]uint16, body ...[]byte) []byte {
	b := []byte{0xBE, 0xEF}
	b = binary.BigEndian.AppendUint16(b, flags)
	for _, c := range counts {
		b = binary.BigEndian.AppendUint16(b, c)
	}
	for _, part := range body {
		b = append(b, part...)
	}
	return b
}

func TestParse(t *testing.T) {
	one, withExtra := [4]uint16{1}, [4]uint16{1, 0, 0, 1}
	question := append(wireName("WWW", "example"), 0, 1, 0, 1)
	opt := func(version byte, flags uint16, options ...byte) []byte {
		b := []byte{0, 0, 41, 4, 208, 0, version, byte(flags >> 8), byte(flags), 0, byte(len(options))}
		return append(b, options...)
	}
	tsig := append(wireName("key"), 0, 250, 0, 255, 0, 0, 0, 0, 0, 0)
	for name, c := range map[string]struct {
		packet []byte
		want   Verdict
		edns   bool
	}{
		"plain":                              {packet(0x0100, one, question), Answer, false},
		"empty packet":                       {nil, Drop, false},
		"eleven octets":                      {packet(0, one, question)[:11], Drop, false},
		"a response":                         {packet(0x8000, one, question), Drop, false},
		"a response with an unknown opcode":  {packet(0xF800, one, question), Drop, false},
		"opcode NOTIFY":                      {packet(4<<11, one, question), NotImp, false},
		"no question":                        {packet(0, [4]uint16{}), FormErr, false},
		"no question, EDNS":                  {packet(0, [4]uint16{0, 0, 0, 1}, opt(0, 0)), NoQuestion, true},
		"no question, EDNS cut short":        {packet(0, [4]uint16{0, 0, 0, 1}, opt(0, 0)[:6]), FormErr, false},
		"no question, EDNS version 1":        {packet(0, [4]uint16{0, 0, 0, 1}, opt(1, 0)), FormErr, true},
		"no question, signed":                {packet(0, [4]uint16{0, 0, 0, 1}, tsig), FormErr, false},
		"no question, EDNS, signed":          {packet(0, [4]uint16{0, 0, 0, 2}, opt(0, 0), tsig), FormErr, true},
		"no question, three records":         {packet(0, [4]uint16{0, 0, 0, 3}, opt(0, 0)), FormErr, false},
		"no question, octets behind EDNS":    {packet(0, [4]uint16{0, 0, 0, 1}, opt(0, 0), []byte{0}), FormErr, true},
		"two questions":                      {packet(0, [4]uint16{2}, question, question), FormErr, false},
		"an answer":                          {packet(0, [4]uint16{1, 1}, question), FormErr, false},
		"an authority record":                {packet(0, [4]uint16{1, 0, 1}, question), FormErr, false},
		"three additional records":           {packet(0, [4]uint16{1, 0, 0, 3}, question, opt(0, 0)), FormErr, false},
		"counts beyond the packet":           {packet(0, [4]uint16{1, 0, 0, 65535}, question), FormErr, false},
		"question cut short":                 {packet(0, one, question[:len(question)-1]), FormErr, false},
		"octets behind the question":         {packet(0, one, question, []byte{0}), FormErr, false},
		"EDNS":                               {packet(0, withExtra, question, opt(0, 0x8000)), Answer, true},
		"EDNS with an option":                {packet(0, withExtra, question, opt(0, 0, 0, 100, 0, 1, 7)), Answer, true},
		"EDNS option cut short":              {packet(0, withExtra, question, opt(0, 0, 0, 100, 0, 2, 7)), FormErr, true},
		"EDNS option header cut short":       {packet(0, withExtra, question, opt(0, 0, 0, 100, 0)), FormErr, true},
		"EDNS version 1":                     {packet(0, withExtra, question, opt(1, 0)), BadVers, true},
		"two OPT records":                    {packet(0, [4]uint16{1, 0, 0, 2}, question, opt(0, 0), opt(0, 0)), FormErr, true},
		"an OPT record with a name":          {packet(0, withExtra, question, wireName("x"), opt(0, 0)[1:]), FormErr, false},
		"octets behind the OPT record":       {packet(0, withExtra, question, opt(0, 0), []byte{0}), FormErr, true},
		"signed":                             {packet(0, withExtra, question, tsig), Signed, false},
		"EDNS, signed":                       {packet(0, [4]uint16{1, 0, 0, 2}, question, opt(0, 0), tsig), Signed, true},
		"signed, then EDNS":                  {packet(0, [4]uint16{1, 0, 0, 2}, question, tsig, opt(0, 0)), FormErr, false},
		"two signatures":                     {packet(0, [4]uint16{1, 0, 0, 2}, question, tsig, tsig), FormErr, false},
		"another additional record":          {packet(0, withExtra, question, wireName("x"), []byte{0, 1, 0, 1, 0, 0, 0, 0, 0, 0}), Answer, false},
		"an additional record, compressed":   {packet(0, withExtra, question, []byte{0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0}), Answer, false},
		"an additional record cut short":     {packet(0, withExtra, question, wireName("x"), []byte{0, 1, 0, 1}), FormErr, false},
		"an additional record, RDATA beyond": {packet(0, withExtra, question, wireName("x"), []byte{0, 1, 0, 1, 0, 0, 0, 0, 0, 9}), FormErr, false},
	} {
		var q Query
		q.EDNS, q.Question = true, question // of the query before
		if got := q.Parse(c.packet); got != c.want || q.EDNS != c.edns {
			t.Errorf("%s: verdict %d, EDNS %t, want %d, %t", name, got, q.EDNS, c.want, c.edns)
		}
	}
}

func TestParseReadsTheFields(t *testing.T) {
	p := packet(0x0110, [4]uint16{1, 0, 0, 1}, wireName("wWw"), []byte{0, 28, 0, 3}, []byte{0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 5, 0, 100, 0, 1, 7})
	var q Query
	if got := q.Parse(p); got != Answer {
		t.Fatal(got)
	}
	if q.Type != 28 || q.Class != 3 || q.Flags != 0x0110 || !q.EDNS || !q.DO || q.UDPSize != 4096 {
		t.Errorf("%+v", q)
	}
	if string(q.Options) != "\x00d\x00\x01\x07" {
		t.Errorf("options %x", q.Options)
	}
	if string(q.Question) != "\x03wWw\x00\x00\x1c\x00\x03" || string(q.Name.From(0)) != "\x03www\x00" {
		t.Errorf("question %q, name %q", q.Question, q.Name.From(0))
	}
	allocations := testing.AllocsPerRun(100, func() { q.Parse(p) })
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}
