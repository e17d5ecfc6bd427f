package cadge

import (
	"maps"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cadge/cadge/sdk-go-stubs/cadge/v1"
	"github.com/cadge/cadge/sdk-go-stubs/pkg/api/schema"
)

// seeds are responses as hubs send them, and some that none would.
func seeds() [][]byte {
	alert := &v1.Alert{
		Time: &timestamppb.Timestamp{Seconds: 1_790_000_000, Nanos: 999_999_999}, Priority: schema.Priority_WARNING,
		Rule: "R", Output: "žluť 隼", OutputFields: map[string]string{"proc.name": "cat", "evt.res": "<NA>", "": ""},
		Hostname: "h", Tags: []string{"a", ""}, Source: "syscall", Sensor: "s", Epoch: 1 << 60, Sequence: 7,
	}
	position := uint64(5)
	responses := []*v1.SubscribeResponse{
		{Head: 9, Resumed: &position, Position: 5, Lag: 4},
		{Entries: []*v1.Entry{{Position: 6, Alert: alert}, {Position: 7}, {Position: 8, Alert: &v1.Alert{}}}, Head: 9},
	}
	var all [][]byte
	for _, response := range responses {
		raw, _ := proto.Marshal(response)
		all = append(all, raw)
	}
	// An alert in two parts, of which the second has another time; a group, which no one has sent for years.
	first, _ := proto.Marshal(&v1.Entry{Position: 1, Alert: alert})
	second, _ := proto.Marshal(&v1.Entry{Alert: &v1.Alert{Time: &timestamppb.Timestamp{Nanos: 3}, Rule: "other"}})
	parts := append(first, second...)
	all = append(all, append([]byte{0x0a, byte(len(parts)), byte(len(parts) >> 7)}, parts...))
	all = append(all, append([]byte{0x0a, byte(len(parts)) | 0x80, byte(len(parts) >> 7)}, parts...))
	return append(all, []byte{0x33, 0x08, 0x01, 0x34}, []byte{0x33, 0x34, 0x34}, []byte{0x0a, 0xff}, []byte{0x0f}, nil)
}

// Any bytes are decoded as protobuf's own code does it, or refused as there.
func FuzzDecode(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var own batch
		var theirs v1.SubscribeResponse
		err := own.decode(raw)
		if refused := proto.Unmarshal(raw, &theirs); (err == nil) != (refused == nil) {
			t.Fatalf("here it is %v, and with protobuf %v", err, refused)
		}
		if err != nil {
			return
		}
		if (own.resumed == nil) != (theirs.Resumed == nil) || own.resumed != nil && *own.resumed != *theirs.Resumed {
			t.Fatalf("resumed is %v instead of %v", own.resumed, theirs.Resumed)
		}
		entries := slices.DeleteFunc(theirs.Entries, func(entry *v1.Entry) bool { return entry.Alert == nil })
		if len(entries) != len(own.alerts) {
			t.Fatalf("%d alerts instead of %d", len(own.alerts), len(entries))
		}
		for i, entry := range entries {
			assertSame(t, own.alerts[i], entry)
		}
	})
}

func assertSame(t *testing.T, own *Alert, entry *v1.Entry) {
	alert := entry.Alert
	same := own.Position == entry.Position && own.Time.Equal(alert.Time.AsTime()) && own.Priority == Priority(alert.Priority) &&
		own.Rule == alert.Rule && own.Output == alert.Output && maps.Equal(own.OutputFields, alert.OutputFields) &&
		own.Hostname == alert.Hostname && slices.Equal(own.Tags, alert.Tags) && own.Source == alert.Source &&
		own.Sensor == alert.Sensor && own.Epoch == alert.Epoch && own.Sequence == alert.Sequence
	if !same {
		t.Fatalf("%+v instead of %+v", own, entry)
	}
}
