package console

import (
	"net/http"

	"holdfast/internal/device"
)

// workerFile is the script that shows what is pushed while no page is open. It stands
// at the root, since a worker sees no page above its own path.
const workerFile = "service-worker.js"

// devicesPart is the part of the page Account about browsers that notices are pushed to.
type devicesPart struct {
	// Key is the public key that a browser asks its push service with; empty means
	// that nothing is pushed from here.
	Key string
	// Person is whose devices they are; empty for an account that is nobody's.
	Person  string
	Devices []device.Device
}

func (c *Console) devices(v *visit) (part devicesPart, err error) {
	part.Key, part.Person = c.Devices.Key, c.readerID(v)
	if part.Person != "" {
		part.Devices, err = c.Devices.List(v.r.Context(), part.Person)
	}
	return part, err
}

func (c *Console) registerDevice(v *visit) error {
	sub := device.Subscription{Endpoint: v.form("endpoint"), P256DH: v.form("p256dh"), Auth: v.form("auth")}
	if _, err := c.Devices.Register(v.r.Context(), v.by(), c.readerID(v), v.form("label"), sub); err != nil {
		return err
	}
	return v.seeOther("/account", "device")
}

func (c *Console) removeDevice(v *visit) error {
	person := c.readerID(v)
	if person == "" {
		return device.Unknown(v.path("id"))
	}
	if err := c.Devices.Remove(v.r.Context(), v.by(), person, v.path("id")); err != nil {
		return err
	}
	return v.seeOther("/account", "done")
}

// worker serves the script under one name that stays, so that browsers find what is new
// in it.
func (c *Console) worker(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(c.screens.assets[workerFile].content)
}
