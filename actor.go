package holdfast

// ActorKind says what sort of party acted.
type ActorKind string

const (
	// Account is a person signed in to the console, or a program acting with that
	// account's token.
	Account ActorKind = "account"
	// Gate is a gate process, known by its certificate.
	Gate ActorKind = "gate"
	// Sender is an outside system that delivers alerts.
	Sender ActorKind = "sender"
	// Reviewer is an outside person who reviews one draft by a link, without an
	// account.
	Reviewer ActorKind = "reviewer"
	// System is Holdfast itself, carrying out what the plan says.
	System ActorKind = "system"
)

// Actor is who did something. It is an argument of every act and stands in
// every fact; it never travels in a context.
type Actor struct {
	Kind ActorKind `json:"kind"`
	ID   string    `json:"id"`
	// Name is for people to read, as it was when the actor acted.
	Name string `json:"name,omitempty"`
	// Via names the API token used, if one was.
	Via string `json:"via,omitempty"`
}

// Self is Holdfast acting as the named part of itself, such as "callout".
func Self(part string) Actor { return Actor{Kind: System, ID: part} }

// SameParty reports whether two acts were done by one party, whatever token or
// spelling of the name was used. Rules that ask for a second person use it.
func (a Actor) SameParty(b Actor) bool { return a.Kind == b.Kind && a.ID == b.ID }

func (a Actor) String() string {
	if a.Name != "" {
		return a.Name
	}
	return string(a.Kind) + " " + a.ID
}
