package app

import (
	"holdfast/internal/detect"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
)

// detection makes the service that judges the gates' counts.
func (c *Control) detection() (*detect.Service, error) {
	conf := c.opt.Config
	return detect.NewService(detect.Options{
		Desk: c.desk, Alerts: c.alerts, Gates: c.books.gates, Series: c.series, Documents: c.store,
		Situation: func() (quiet, held bool) { return situation(c.books.incidents, c.books.directives) },
		Zone:      conf.TimeZone.Location(), Language: conf.Language, Log: c.opt.Log,
	})
}

// situation says whether no emergency is on, a drill being one, and whether
// payments are held back.
func situation(incidents *incident.Book, directives *directive.Book) (quiet, held bool) {
	quiet = true
	for _, in := range incidents.Open() {
		quiet = quiet && !in.Ongoing()
	}
	return quiet, len(directives.Set().Directives) > 0
}
