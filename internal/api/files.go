package api

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/attachment"
	"holdfast/internal/draft"
	"holdfast/internal/filing"
	"holdfast/internal/web"
)

// Attached is a file that became an attachment of a draft's text.
type Attached struct {
	// Entry is the attachment's id.
	Entry string          `json:"entry"`
	File  attachment.File `json:"file"`
}

// content reads a file, which is the body of the request.
func (c *call) content() ([]byte, error) {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, attachment.MaxSize)
	content, err := io.ReadAll(c.r.Body)
	if over := new(http.MaxBytesError); errors.As(err, &over) {
		return nil, holdfast.Errorf(holdfast.TooLarge, "a file has at most %d bytes", attachment.MaxSize).At("body").Because(err)
	} else if err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "the request broke off").Because(err)
	}
	return content, nil
}

// hash reads a hash: of the path, or of the query, where it may be missing.
func hash(field, text string) (h holdfast.Hash, err error) {
	if err := h.UnmarshalText([]byte(strings.ToLower(text))); err != nil {
		return h, holdfast.Errorf(holdfast.Invalid, "%v", err).At(field)
	}
	return h, nil
}

// giveOut sends a file that belongs to what was asked for.
func (a *API) giveOut(c *call, of func(h holdfast.Hash) (attachment.File, error)) (any, error) {
	h, err := hash("hash", c.path("hash"))
	if err != nil {
		return nil, err
	}
	f, err := of(h)
	if err != nil {
		return nil, err
	}
	content, err := a.Store.Blob(c.r.Context(), h)
	if err != nil {
		return nil, err
	}
	return written, web.WriteAttachment(c.w, f.Name, content)
}

func (a *API) attachFile(c *call) (any, error) {
	in := draft.Attaching{Entry: c.query("entry"), Material: c.query("material"), Title: c.query("title")}
	if over := c.query("over"); over != "" {
		var err error
		if in.Over, err = hash("over", over); err != nil {
			return nil, err
		}
	}
	content, err := c.content()
	if err != nil {
		return nil, err
	}
	entry, f, err := a.Drafts.Attach(c.r.Context(), c.by(), c.path("id"), in, c.query("name"), content)
	return Attached{entry, f}, err
}

func (a *API) draftFile(c *call) (any, error) {
	d, err := a.Drafts.Draft(c.path("id"))
	if err != nil {
		return nil, err
	}
	return a.giveOut(c, func(h holdfast.Hash) (attachment.File, error) { return a.Drafts.File(d, h) })
}

func (a *API) scanApproval(c *call) (any, error) {
	if _, err := a.Drafts.Draft(c.path("id")); err != nil {
		return nil, err
	}
	if !c.who.May(access.ApprovePlan) {
		if err := c.who.Require(access.DraftPlan); err != nil {
			return nil, err
		}
	}
	n, err := strconv.Atoi(c.path("n"))
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "%s is a whole number, not %q", "n", c.path("n")).At("n")
	}
	content, err := c.content()
	if err != nil {
		return nil, err
	}
	return a.Drafts.Scan(c.r.Context(), c.by(), c.path("id"), n, c.query("name"), content)
}

func (a *API) revisionFile(c *call) (any, error) {
	p, err := a.numbered(c)
	if err != nil {
		return nil, err
	}
	return a.giveOut(c, func(h holdfast.Hash) (attachment.File, error) { return a.View.PlanFile(p, h) })
}

func (a *API) keepAgain(c *call) (any, error) {
	p, err := a.numbered(c)
	if err != nil {
		return nil, err
	}
	content, err := c.content()
	if err != nil {
		return nil, err
	}
	return a.Drafts.KeepAgain(c.r.Context(), p.ID, p.Revision, c.query("name"), content)
}

func (a *API) scanFiling(c *call) (any, error) {
	content, err := c.content()
	if err != nil {
		return nil, err
	}
	return a.Filings.Scan(c.r.Context(), c.by(), c.path("id"), filing.Of(c.query("of")), c.query("name"), content)
}

func (a *API) filingFile(c *call) (any, error) {
	f, err := a.Filings.Filing(c.path("id"))
	if err != nil {
		return nil, err
	}
	return a.giveOut(c, f.File)
}
