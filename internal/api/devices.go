package api

import (
	"holdfast/internal/access"
	"holdfast/internal/device"
)

// devices lists the caller's own, or, with the right to manage the roster, all.
func (a *API) devices(c *call) (any, error) {
	if c.flag("all") {
		if err := c.who.Require(access.ManageRoster); err != nil {
			return nil, err
		}
		return a.Devices.List(c.r.Context(), "")
	}
	person := a.Drafts.Reader(c.by(), c.who.Person)
	if person == "" {
		return []device.Device{}, nil
	}
	return a.Devices.List(c.r.Context(), person)
}

func (a *API) removeDevice(c *call) (any, error) {
	owner := ""
	if !c.who.May(access.ManageRoster) {
		if owner = a.Drafts.Reader(c.by(), c.who.Person); owner == "" {
			return nil, c.who.Require(access.ManageRoster)
		}
	}
	return nil, a.Devices.Remove(c.r.Context(), c.by(), owner, c.path("id"))
}
