package api

import (
	"maps"
	"slices"

	"holdfast/internal/access"
	"holdfast/internal/status"
	"holdfast/internal/subscription"
	"holdfast/internal/view"
)

// NewBulletin is the first text of a bulletin.
type NewBulletin struct {
	// Kind is interruption or maintenance.
	Kind status.Kind `json:"kind"`
	// Incident is the one that it is on, if it is on one; it is not published.
	Incident string `json:"incident,omitempty"`
	status.Content
}

// BulletinDecision is on the text of a number.
type BulletinDecision struct {
	Draft  int    `json:"draft"`
	Reason string `json:"reason,omitempty"`
}

// StatusFile is one file of the public status page.
type StatusFile struct {
	Path    string `json:"path"`
	Content string `json:"content"`
}

// Subscriber names an address.
type Subscriber struct {
	Address string `json:"address"`
}

// statusRoutes are those on what the public is told.
var statusRoutes = []route{
	{Method: "GET", Path: "/status-page", Right: access.Read, Summary: "The public status page, with what those inside know: doubts, incidents without a bulletin, how its files are written", Out: view.PublicStatus{}, Do: (*API).publicStatus},
	{Method: "GET", Path: "/status-page/files", Right: access.Read, Summary: "All files of the public status page as they are now", Out: []StatusFile{}, Do: (*API).statusFiles},
	{Method: "GET", Path: "/status-page/subscribers", Right: access.Read, Summary: "How many have subscribed to bulletins by mail; addresses are not shown", Out: subscription.Count{}, Do: (*API).subscribers},
	{Method: "POST", Path: "/status-page/subscribers/erase", Right: access.Announce, Summary: "Erase an address on its holder's wish; it is not told whether it was there", In: Subscriber{}, Do: (*API).eraseSubscriber},
	{Method: "GET", Path: "/bulletins", Right: access.Read, Summary: "Bulletins, newest first", Query: with(), Out: view.Page[view.Bulletin]{}, Do: (*API).bulletins},
	{Method: "POST", Path: "/bulletins", Right: access.RunIncident, Summary: "Write the first text of a bulletin; nothing is published by it", In: NewBulletin{}, Out: Created{}, Created: true, Do: (*API).beginBulletin},
	{Method: "GET", Path: "/bulletins/{id}", Right: access.Read, Summary: "One bulletin: what was published, the text that waits", Out: view.Bulletin{}, Do: (*API).bulletin},
	{Method: "GET", Path: "/bulletins/{id}/text", Right: access.Read, Summary: "A bulletin's next text as it would be written by itself, at a stage", Query: []string{"stage"}, Out: status.Content{}, Do: (*API).bulletinText},
	{Method: "GET", Path: "/incidents/{id}/bulletin", Right: access.Read, Summary: "The first text of a bulletin on an incident as it would be written by itself", Query: []string{"stage"}, Out: status.Content{}, Do: (*API).incidentBulletin},
	{Method: "POST", Path: "/bulletins/{id}/drafts", Right: access.RunIncident, Summary: "Write a bulletin's next text, or a correction of an entry", In: status.Content{}, Do: (*API).writeBulletin},
	{Method: "POST", Path: "/bulletins/{id}/publish", Right: access.Announce, Summary: "Publish the text of a number", In: BulletinDecision{}, Do: (*API).publishBulletin},
	{Method: "POST", Path: "/bulletins/{id}/drop", Right: access.RunIncident, Summary: "Drop the text of a number, with the reason", In: BulletinDecision{}, Do: (*API).dropBulletin},
}

func (a *API) publicStatus(*call) (any, error) { return a.View.PublicStatus(), nil }

func (a *API) statusFiles(*call) (any, error) {
	files, err := a.Pages.Files()
	if err != nil {
		return nil, err
	}
	list := []StatusFile{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		list = append(list, StatusFile{name, string(files[name])})
	}
	return list, nil
}

func (a *API) subscribers(c *call) (any, error) { return a.Subscribers.Count(c.r.Context()) }

func (a *API) eraseSubscriber(c *call) (any, error) {
	in, err := body[Subscriber](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Subscribers.Erase(c.r.Context(), in.Address)
}

func (a *API) bulletins(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.Bulletins(offset, limit), nil
}

func (a *API) beginBulletin(c *call) (any, error) {
	in, err := body[NewBulletin](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Status.Begin(c.r.Context(), c.by(), in.Kind, in.Incident, in.Content)
	return Created{id}, err
}

func (a *API) bulletin(c *call) (any, error) { return a.View.Bulletin(c.path("id")) }

func (a *API) bulletinText(c *call) (any, error) {
	return a.View.BulletinText(c.path("id"), "", status.Stage(c.query("stage")))
}

func (a *API) incidentBulletin(c *call) (any, error) {
	return a.View.BulletinText("", c.path("id"), status.Stage(c.query("stage")))
}

func (a *API) writeBulletin(c *call) (any, error) {
	in, err := body[status.Content](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Status.Write(c.r.Context(), c.by(), c.path("id"), in)
}

func (a *API) publishBulletin(c *call) (any, error) {
	in, err := body[BulletinDecision](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Status.Publish(c.r.Context(), c.by(), c.path("id"), in.Draft)
}

func (a *API) dropBulletin(c *call) (any, error) {
	in, err := body[BulletinDecision](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Status.Drop(c.r.Context(), c.by(), c.path("id"), in.Draft, in.Reason)
}
