package journal

// Durability says what the facts of a store survive, as the engine found it at
// its newest barrier. A stop is confirmed only where MayConfirm holds: a
// confirmation that a fail-over could take back would be a lie.
type Durability struct {
	// Engine is "sqlite", "postgresql" or "memory".
	Engine string `json:"engine"`
	// Machines is how many machines hold every acknowledged fact before it is
	// acknowledged. With 1 the loss of that machine is the loss of the journal,
	// but for backups.
	Machines int `json:"machines"`
	// MayConfirm says that no fail-over can lose what was acknowledged.
	MayConfirm bool `json:"may_confirm"`
	// Fault says why not; it is empty if MayConfirm holds.
	Fault Fault `json:"fault,omitempty"`
}

// Fault is why what a store acknowledged may be lost in a fail-over.
type Fault string

const (
	// NotSynced: the server answers before its own disk has the commit.
	NotSynced Fault = "not-synced"
	// NotSynchronous: a standby follows, or one is named in the data source, and
	// commits do not wait for it.
	NotSynchronous Fault = "not-synchronous"
	// SpareStandby: commits wait for some of the standbys, and another could be
	// promoted.
	SpareStandby Fault = "spare-standby"
	// NotVisible: the server does not show this account its standbys.
	NotVisible Fault = "not-visible"
	// NotKnown: the settings could not be read or understood.
	NotKnown Fault = "not-known"
)

// OneMachine is the durability of a journal in files of this machine.
func OneMachine(engine string) Durability {
	return Durability{Engine: engine, Machines: 1, MayConfirm: true}
}
