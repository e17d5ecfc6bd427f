// Searching and counting what the hub's log has.

package cadge

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	v1 "github.com/cadge/cadge/sdk-go-stubs/cadge/v1"
)

// Dimension is by what alerts are searched and counted.
type Dimension string

// The dimensions.
const (
	ByRule      Dimension = "rule"
	ByPriority  Dimension = "priority"
	BySensor    Dimension = "sensor"
	ByHost      Dimension = "host"
	BySource    Dimension = "source"
	ByNamespace Dimension = "namespace"
	ByPod       Dimension = "pod"
	ByTag       Dimension = "tag"
)

var dimensions = map[Dimension]v1.Dimension{
	ByRule: v1.Dimension_DIMENSION_RULE, ByPriority: v1.Dimension_DIMENSION_PRIORITY,
	BySensor: v1.Dimension_DIMENSION_SENSOR, ByHost: v1.Dimension_DIMENSION_HOST,
	BySource: v1.Dimension_DIMENSION_SOURCE, ByNamespace: v1.Dimension_DIMENSION_NAMESPACE,
	ByPod: v1.Dimension_DIMENSION_POD, ByTag: v1.Dimension_DIMENSION_TAG,
}

func (d Dimension) wire() (v1.Dimension, error) {
	number, known := dimensions[d]
	if !known {
		return 0, failure(InvalidRequest, nil, "there is no dimension `%s`: there are %v", d, slices.Sorted(maps.Keys(dimensions)))
	}
	return number, nil
}

// Selection is which alerts: those that meet every condition. The zero value is all.
type Selection struct {
	// Where says of a dimension which values an alert has one of. An empty text stands for alerts without one.
	Where map[Dimension][]string
	// Since is that they were raised at this moment or later, by the sensor's clock.
	Since time.Time
	// Until is that they were raised before this moment.
	Until time.Time
}

func (s *Selection) wire() (*v1.Selection, error) {
	selection := &v1.Selection{Since: timestamp(s.Since), Until: timestamp(s.Until)}
	for _, dimension := range slices.Sorted(maps.Keys(s.Where)) {
		number, err := dimension.wire()
		if err != nil {
			return nil, err
		}
		selection.Where = append(selection.Where, &v1.Where{Dimension: number, Values: s.Where[dimension]})
	}
	return selection, nil
}

// SearchOptions is what to search.
type SearchOptions struct {
	Selection
	// OldestFirst is the log's order; otherwise the newest come first.
	OldestFirst bool
	// Limit is how many alerts a page has at most, to 10,000; 0 is 100.
	Limit uint32
	// Page is the NextPage of the page before; 0 is the first.
	Page uint64
	// Filter is a condition in Falco's language that the alerts are to meet besides.
	Filter string
	// Fields leaves only these of the output fields in. None are all.
	Fields []string
}

// SearchPage is a page of alerts.
type SearchPage struct {
	// Alerts are in the order that was asked for. They may be fewer than the limit, or none, although there is a next
	// page.
	Alerts []*Alert
	// NextPage is where the next page begins; 0 is that there is none.
	NextPage uint64
	// Indexed is the log's position up to which the hub's index has come.
	Indexed uint64
	// Head is the log's last position.
	Head uint64
}

// Search answers one page of the alerts of a selection.
func (c *Client) Search(ctx context.Context, options SearchOptions) (*SearchPage, error) {
	selection, err := options.Selection.wire()
	if err != nil {
		return nil, err
	}
	request := &v1.SearchRequest{
		Selection: selection, OldestFirst: options.OldestFirst, Limit: options.Limit, Page: options.Page,
		Filter: options.Filter, Fields: options.Fields,
	}
	var page SearchPage
	err = c.responses(ctx, v1.History_Search_FullMethodName, request, func(b *batch) bool {
		page.Alerts = append(page.Alerts, b.alerts...)
		page.NextPage, page.Indexed, page.Head = b.numbers[0], b.numbers[1], b.numbers[2]
		return true
	})
	if err != nil {
		return nil, err
	}
	return &page, nil
}

// CountOptions is what to count.
type CountOptions struct {
	Selection
	// GroupBy asks for a count for each combination of values in these dimensions. An alert with several tags counts
	// under each.
	GroupBy []Dimension
	// Step asks for a count for each span of so many whole seconds; 0 is one span for all. Hours and minutes are quick.
	Step time.Duration
	// Filter is a condition in Falco's language that the alerts are to meet besides. The hub refuses to look at too
	// many.
	Filter string
}

// Counted is the answer to Count.
type Counted struct {
	// Counts are by time, then values. Groups without alerts are left out.
	Counts []Count
	// Indexed is the log's position up to which the hub's index has come.
	Indexed uint64
	// Head is the log's last position.
	Head uint64
	// Overflowed are dimensions with more values than the hub tells apart: further ones are in the group `(other)`.
	Overflowed []Dimension
}

// Count is the alerts of one group.
type Count struct {
	// Start is when its span begins; the zero time without a step.
	Start time.Time
	// Values has one for each dimension of the group; an empty one is that alerts have none.
	Values []string
	// Count is how many.
	Count uint64
}

// Count counts the alerts of a selection, in groups and over time.
func (c *Client) Count(ctx context.Context, options CountOptions) (*Counted, error) {
	request, err := options.wire()
	if err != nil {
		return nil, err
	}
	answer, err := v1.NewHistoryClient(c.conn).Count(ctx, request)
	if err != nil {
		return nil, c.failed(ctx, err, false)
	}
	counted := &Counted{Indexed: answer.Indexed, Head: answer.Head}
	for _, count := range answer.Counts {
		one := Count{Values: count.Values, Count: count.Count}
		if count.Start != nil {
			one.Start = count.Start.AsTime()
		}
		counted.Counts = append(counted.Counts, one)
	}
	for name, number := range dimensions {
		if slices.Contains(answer.Overflowed, number) {
			counted.Overflowed = append(counted.Overflowed, name)
		}
	}
	slices.Sort(counted.Overflowed)
	return counted, nil
}

func (o *CountOptions) wire() (*v1.CountRequest, error) {
	selection, err := o.Selection.wire()
	if err != nil {
		return nil, err
	}
	request := &v1.CountRequest{
		Selection: selection, Filter: o.Filter,
		StepSeconds: uint32(min(max(o.Step/time.Second, 0), math.MaxUint32)),
	}
	for _, dimension := range o.GroupBy {
		number, err := dimension.wire()
		if err != nil {
			return nil, err
		}
		request.GroupBy = append(request.GroupBy, number)
	}
	return request, nil
}
