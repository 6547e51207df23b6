package lineage

import "time"

// moment is a timestamp as it was read.
type moment struct {
	value   [fields]int // month and day are 1 when the pattern has none
	unix    int64       // seconds; 0 when the fields count
	digits  int         // HHmmSS as a number where they stand together, else -1
	ordinal bool        // they are no time of day
}

// match reads the timestamp at the start of s.
func (p *Pattern) match(s string) (m moment, ok bool) {
	if p.length == 0 || len(s) < p.length {
		return m, false
	}
	if p.unix {
		n, ok := number(s[:p.length])
		m.unix, m.digits = n, -1
		y := time.Unix(m.unix, 0).UTC().Year()
		return m, ok && y >= minYear && y <= maxYear
	}
	// Nearly every place that a pattern is tried at fails here.
	if first := p.parts[0]; first.field == literal && s[0] != first.char || first.field != literal && !isDigit(s[0]) {
		return m, false
	}
	m = moment{value: [fields]int{month: 1, day: 1}, digits: -1}
	for _, part := range p.parts {
		text := s[part.offset : part.offset+part.size]
		if part.field == literal {
			if text[0] != part.char {
				return m, false
			}
			continue
		}
		n64, ok := number(text)
		if !ok {
			return m, false
		}
		n := int(n64)
		if part.field == year && part.size == 2 {
			n += 1900
			if n < minYear {
				n += 100
			}
		}
		m.value[part.field] = n
	}
	y, mo, d := m.value[year], m.value[month], m.value[day]
	if y < minYear || y > maxYear || mo < 1 || mo > 12 || d < 1 || d > time.Date(y, time.Month(mo+1), 0, 0, 0, 0, 0, time.UTC).Day() {
		return m, false
	}
	valid := m.value[hour] < 24 && m.value[minute] < 60 && m.value[second] < 60
	if p.clock >= 0 {
		n, _ := number(s[p.clock : p.clock+6])
		m.digits = int(n)
		m.ordinal = !valid
		return m, true
	}
	return m, valid
}

// date is the moment's day.
func (m *moment) date() [3]int { return [3]int{m.value[year], m.value[month], m.value[day]} }

// time is the moment in loc, or the start of its day when it is an ordinal.
func (m *moment) time(loc *time.Location) time.Time {
	v := m.value
	switch {
	case m.unix != 0:
		return time.Unix(m.unix, 0).In(loc)
	case m.ordinal:
		v[hour], v[minute], v[second] = 0, 0, 0
	}
	return time.Date(v[year], time.Month(v[month]), v[day], v[hour], v[minute], v[second], 0, loc)
}

// number reads digits, at most 18.
func number(s string) (n int64, ok bool) {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

func isDigit(c byte) bool { return c-'0' <= 9 }
