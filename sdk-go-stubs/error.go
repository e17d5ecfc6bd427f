// What can go wrong, divided by what the caller can do.

package cadge

import (
	"errors"
	"fmt"
)

// Kind names a sort of failure. It is the target of errors.Is: errors.Is(err, cadge.HubDown).
type Kind string

const (
	// HubDown is that the hub can't be reached. It may be later.
	HubDown Kind = "HubDown"
	// WrongCertificate is that the hub's certificate is not signed by the given authority or not for this name, that
	// the hub has refused ours, or that a PEM file is unusable.
	WrongCertificate Kind = "WrongCertificate"
	// PermissionDenied is that the hub won't do this for the caller. A wrong token is this, too.
	PermissionDenied Kind = "PermissionDenied"
	// ProtocolMismatch is that something else than a Cadge hub answers, or one that does not know the call.
	ProtocolMismatch Kind = "ProtocolMismatch"
	// InvalidRequest is that the request has a mistake: a filter, a name, an address.
	InvalidRequest Kind = "InvalidRequest"
	// Closed is that the stream broke in the middle. The same call may succeed at once.
	Closed Kind = "Closed"
)

// Error is the name, so that a Kind can be compared with errors.Is.
func (k Kind) Error() string { return string(k) }

// Error is why a call failed.
type Error struct {
	// Kind is what sort of failure it is.
	Kind Kind
	// Text says what happened, where, and what to do.
	Text string
	// Cause is what is below it. May be nil.
	Cause error
}

// Error is the kind's name and the text.
func (e *Error) Error() string { return string(e.Kind) + ": " + e.Text }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is tells whether target is this error's [Kind].
func (e *Error) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == e.Kind
}

// Transient tells whether the same call may succeed later: its kind is [HubDown] or [Closed].
func Transient(err error) bool {
	return errors.Is(err, HubDown) || errors.Is(err, Closed)
}

func failure(kind Kind, cause error, format string, values ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, values...), Cause: cause}
}
