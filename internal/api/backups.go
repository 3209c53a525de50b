package api

import (
	"holdfast/internal/web"
)

func (a *API) backups(*call) (any, error) {
	list, err := a.Backups.List()
	return Backups{a.Backups.Status(), list}, err
}

func (a *API) makeBackup(c *call) (any, error) { return a.Backups.Make(c.r.Context()) }

// backupFile sends a file of any size as it lies on the disk.
func (a *API) backupFile(c *call) (any, error) {
	if err := a.Backups.Copy(c.path("name"), web.Download(c.w, c.path("name"), "application/x-tar")); err != nil {
		return nil, err
	}
	return written, nil
}

func (a *API) restorations(*call) (any, error) { return a.View.Restorations(), nil }

func (a *API) settle(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Restored.Settle(c.r.Context(), c.by(), in.Reason)
}
