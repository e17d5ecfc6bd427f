// Decodes the hub's streams out of the raw bytes: protobuf's own decoding takes most of a reader's time, the larger part
// of it for maps. It accepts and yields what protobuf's own does, which a fuzz test holds it to.

package cadge

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// batch is one response of `Subscribe`, `Get` or `Search`.
type batch struct {
	alerts []*Alert
	// The position that a subscription resumed after, in its first response.
	resumed *uint64
	// The second to fourth field: of a search where its next page begins, how far the index is, and the log's head; of
	// other calls the log's head, none, and how far the log was gone through.
	numbers [3]uint64
	// Whether the response is one alert, as Falco's API has them.
	single bool
	// Why the bytes could not be decoded.
	fault error
}

// decode reads a response. Those of searches have the same entries, and numbers for the other fields.
func (b *batch) decode(raw []byte) error {
	response := wire{raw: raw}
	fields := 0
	return response.each(func(number protowire.Number, kind protowire.Type) (bool, error) {
		switch {
		case number == 1 && kind == protowire.BytesType:
			entry, err := response.record()
			if err != nil {
				return true, err
			}
			return true, b.entry(entry, &fields)
		case number >= 2 && number <= 4 && kind == protowire.VarintType:
			value, err := response.varint()
			b.numbers[number-2] = value
			if number == 3 {
				b.resumed = &value
			}
			return true, err
		case number == 5 && kind == protowire.VarintType:
			_, err := response.varint()
			return true, err
		}
		return false, nil
	})
}

// alert reads a response of Falco's API.
func (b *batch) alert(raw []byte) error {
	parts := &alertParts{alert: &Alert{}}
	err := parts.decode(raw)
	b.alerts = []*Alert{parts.whole()}
	return err
}

// entry reads an alert with its position. An entry without an alert is left out. fields is how many an alert had last.
func (b *batch) entry(entry wire, fields *int) error {
	var position uint64
	var parts *alertParts
	err := entry.each(func(number protowire.Number, kind protowire.Type) (known bool, err error) {
		switch {
		case number == 1 && kind == protowire.VarintType:
			position, err = entry.varint()
			return true, err
		case number == 2 && kind == protowire.BytesType:
			record, err := entry.record()
			if err != nil {
				return true, err
			}
			if parts == nil {
				parts = &alertParts{fields: *fields}
				parts.alert = &Alert{}
			}
			return true, parts.decode(record.raw[record.at:])
		}
		return false, nil
	})
	if err != nil || parts == nil {
		return err
	}
	alert := parts.whole()
	alert.Position = position
	*fields = len(alert.OutputFields)
	b.alerts = append(b.alerts, alert)
	return nil
}

// alertParts is an alert that is being read. A record may come in parts, of which the last counts.
type alertParts struct {
	alert   *Alert
	seconds int64
	nanos   int32
	// How many output fields to make room for.
	fields int
}

func (p *alertParts) whole() *Alert {
	p.alert.Time = time.Unix(p.seconds, int64(p.nanos)).UTC()
	return p.alert
}

// decode reads an alert. Its texts are slices of one string.
func (p *alertParts) decode(raw []byte) error {
	record := wire{raw: raw, text: string(raw)}
	for record.more() {
		number, kind, err := record.tag()
		if err != nil {
			return err
		}
		known := false
		switch kind {
		case protowire.BytesType:
			known, err = p.bytes(&record, number)
		case protowire.VarintType:
			known, err = p.number(&record, number)
		}
		if err == nil && !known {
			err = record.skip(number, kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bytes reads a field with a length.
func (p *alertParts) bytes(record *wire, number protowire.Number) (known bool, err error) {
	alert := p.alert
	switch number {
	case 1:
		var moment wire
		if moment, err = record.record(); err == nil {
			err = p.time(moment)
		}
	case 4:
		alert.Rule, err = record.string()
	case 5:
		alert.Output, err = record.string()
	case 6:
		var field wire
		if field, err = record.record(); err == nil {
			err = p.field(field)
		}
	case 7:
		alert.Hostname, err = record.string()
	case 8:
		var tag string
		if tag, err = record.string(); err == nil {
			alert.Tags = append(alert.Tags, tag)
		}
	case 9:
		alert.Source, err = record.string()
	case 16:
		alert.Sensor, err = record.string()
	default:
		return false, nil
	}
	return true, err
}

// number reads a field that is a number.
func (p *alertParts) number(record *wire, number protowire.Number) (known bool, err error) {
	switch number {
	case 2, 17, 18:
	default:
		return false, nil
	}
	value, err := record.varint()
	switch number {
	case 2:
		p.alert.Priority = Priority(int32(value))
	case 17:
		p.alert.Epoch = value
	case 18:
		p.alert.Sequence = value
	}
	return true, err
}

func (p *alertParts) time(moment wire) error {
	return moment.each(func(number protowire.Number, kind protowire.Type) (bool, error) {
		if number > 2 || kind != protowire.VarintType {
			return false, nil
		}
		value, err := moment.varint()
		if number == 1 {
			p.seconds = int64(value)
		} else {
			p.nanos = int32(value)
		}
		return true, err
	})
}

// field reads one of the output fields: a name and a value.
func (p *alertParts) field(field wire) error {
	var parts [2]string
	for field.more() {
		number, kind, err := field.tag()
		if err != nil {
			return err
		}
		if number <= 2 && kind == protowire.BytesType {
			parts[number-1], err = field.string()
		} else {
			err = field.skip(number, kind)
		}
		if err != nil {
			return err
		}
	}
	if p.alert.OutputFields == nil {
		p.alert.OutputFields = make(map[string]string, p.fields)
	}
	p.alert.OutputFields[parts[0]] = parts[1]
	return nil
}
