// Reads protobuf's wire format by position.

package cadge

import (
	"errors"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

var (
	errFieldNumber = errors.New("a field's number is out of range")
	errText        = errors.New("a text is not UTF-8")
)

// wire is what is left of an encoded record.
type wire struct {
	raw []byte
	// The same bytes as a string, which texts are slices of: one allocation for a whole record.
	text string
	at   int
}

func (w *wire) more() bool { return w.at < len(w.raw) }

// tag reads which field follows.
func (w *wire) tag() (protowire.Number, protowire.Type, error) {
	// Nearly all tags have one byte.
	if first := w.raw[w.at]; first >= 1<<3 && first < 0x80 {
		w.at++
		return protowire.Number(first >> 3), protowire.Type(first & 7), nil
	}
	number, kind, n := protowire.ConsumeTag(w.raw[w.at:])
	if n < 0 {
		return 0, 0, protowire.ParseError(n)
	}
	if number > protowire.MaxValidNumber {
		return 0, 0, errFieldNumber
	}
	w.at += n
	return number, kind, nil
}

func (w *wire) varint() (uint64, error) {
	value, n := protowire.ConsumeVarint(w.raw[w.at:])
	if n < 0 {
		return 0, protowire.ParseError(n)
	}
	w.at += n
	return value, nil
}

// record reads a field with a length: what is in it has the same text.
func (w *wire) record() (wire, error) {
	value, n := protowire.ConsumeBytes(w.raw[w.at:])
	if n < 0 {
		return wire{}, protowire.ParseError(n)
	}
	w.at += n
	return wire{raw: w.raw[:w.at], text: w.text, at: w.at - len(value)}, nil
}

// string reads a text.
func (w *wire) string() (string, error) {
	value, n := protowire.ConsumeBytes(w.raw[w.at:])
	if n < 0 {
		return "", protowire.ParseError(n)
	}
	w.at += n
	text := w.text[w.at-len(value) : w.at]
	if !utf8.ValidString(text) {
		return "", errText
	}
	return text, nil
}

// skip leaves a field out: one that this version does not know.
func (w *wire) skip(number protowire.Number, kind protowire.Type) error {
	n := protowire.ConsumeFieldValue(number, kind, w.raw[w.at:])
	if n < 0 {
		return protowire.ParseError(n)
	}
	w.at += n
	return nil
}

// each reads all fields. take answers false for one that is none of its own.
func (w *wire) each(take func(number protowire.Number, kind protowire.Type) (bool, error)) error {
	for w.more() {
		number, kind, err := w.tag()
		if err != nil {
			return err
		}
		known, err := take(number, kind)
		if err == nil && !known {
			err = w.skip(number, kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
