// Package cadge is the client of a Cadge hub: get alerts, subscribe and never miss one, search the hub's history, and
// hand in events of your own.
//
//	client, err := cadge.Connect(ctx) // where CADGE_HUB says, or by the socket /run/cadge/cadge.sock
//	alerts := client.Subscribe(ctx, cadge.Durable("my-service"))
//	for alert, err := range alerts.All() {
//		fmt.Println(alert.Output, err)
//	}
//
// Every failure is an [*Error] with a [Kind]: errors.Is(err, cadge.HubDown) asks for one. Where the caller's context
// has ended a call, the error is the context's.
//
// The generated code below it is in cadge/v1 (the hub's own API) and pkg/api (Falco's). Package pkg/client has the API
// of Falco's client for Go.
package cadge
