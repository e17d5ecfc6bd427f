// What a rule raises, typed.

package cadge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Priority is how urgent an alert is. 0 is the most urgent.
type Priority int32

// The priorities, as Falco has them.
const (
	PriorityEmergency Priority = iota
	PriorityAlert
	PriorityCritical
	PriorityError
	PriorityWarning
	PriorityNotice
	PriorityInformational
	PriorityDebug
)

var priorities = [...]string{"Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"}

// String is the name as Falco writes it, such as `Informational`.
func (p Priority) String() string {
	if p < 0 || int(p) >= len(priorities) {
		return fmt.Sprintf("Priority(%d)", int32(p))
	}
	return priorities[p]
}

// Alert is what a rule raised on a host, or an event that a program handed in.
type Alert struct {
	// Position is its place in the hub's log; 0 where that is unknown. Positions grow, not necessarily by 1.
	Position uint64
	// Time is when it happened, on the sensor's clock, in UTC, to the nanosecond.
	Time time.Time
	// Priority is how urgent it is.
	Priority Priority
	// Rule is the rule's name.
	Rule string
	// Output is the formatted text.
	Output string
	// OutputFields has each field that the rule's output names, as text. Nil where there is none.
	OutputFields map[string]string
	// Hostname is the host on which it happened.
	Hostname string
	// Tags are the rule's, sorted.
	Tags []string
	// Source is where the event came from, such as `syscall`.
	Source string
	// Sensor is the name of the sensor that saw it.
	Sensor string
	// Epoch is the life of the sensor's spool.
	Epoch uint64
	// Sequence counts the alerts of one epoch from 1, without gaps.
	Sequence uint64
}

// ID names the alert for ever: `SENSOR/EPOCH/SEQUENCE`.
func (a *Alert) ID() string {
	return fmt.Sprintf("%s/%d/%d", a.Sensor, a.Epoch, a.Sequence)
}

// missing is Falco's text for a field without a value: null in its JSON.
const missing = "<NA>"

// FalcoJSON is the alert as Falco prints it with `json_output`: one object without a line end. All output fields are
// texts in it.
func (a *Alert) FalcoJSON() ([]byte, error) {
	fields := make(map[string]*string, len(a.OutputFields))
	for name, value := range a.OutputFields {
		if value == missing {
			fields[name] = nil
		} else {
			fields[name] = &value
		}
	}
	tags := a.Tags
	if tags == nil {
		tags = []string{}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	// Falco writes `<` and `&` as they are.
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Hostname     string             `json:"hostname"`
		Output       string             `json:"output"`
		OutputFields map[string]*string `json:"output_fields"`
		Priority     string             `json:"priority"`
		Rule         string             `json:"rule"`
		Source       string             `json:"source"`
		Tags         []string           `json:"tags"`
		Time         string             `json:"time"`
	}{
		a.Hostname, a.Output, fields, a.Priority.String(), a.Rule, a.Source, tags,
		a.Time.UTC().Format("2006-01-02T15:04:05.000000000Z"),
	})
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}
