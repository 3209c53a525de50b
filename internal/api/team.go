package api

import (
	"strconv"

	"holdfast"
	"holdfast/internal/incident"
)

// FillPost names who holds a post from now on: a person of the roster, or, left out,
// the caller.
type FillPost struct {
	Person string `json:"person,omitempty"`
	// Reason says why the command is taken without a hand-over.
	Reason string `json:"reason,omitempty"`
}

// OfferPost hands a post over. To is a person of the roster; the post left out is the
// command.
type OfferPost struct {
	Post incident.Post `json:"post,omitempty"`
	To   string        `json:"to"`
	Text string        `json:"text"`
}

// AskDecision is a question with its options, and maybe the choice.
type AskDecision struct {
	Question string   `json:"question"`
	Options  []string `json:"options"`
	// Chosen, if given, is one of the options.
	Chosen     string `json:"chosen,omitempty"`
	Why        string `json:"why,omitempty"`
	Reversible bool   `json:"reversible,omitempty"`
	DecidedBy  string `json:"decided_by,omitempty"`
}

func (a *API) fillPost(c *call) (any, error) {
	in, err := body[FillPost](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.Fill(c.r.Context(), c.by(), c.path("id"), incident.Post(c.path("post")), in.Person, in.Reason)
}

func (a *API) offerPost(c *call) (any, error) {
	in, err := body[OfferPost](c)
	if err != nil {
		return nil, err
	}
	if in.Post == "" {
		in.Post = incident.Commander
	}
	n, err := a.Response.Offer(c.r.Context(), c.by(), c.path("id"), in.Post, in.To, in.Text)
	return Created{strconv.Itoa(n)}, err
}

func (a *API) answerOffer(c *call) (any, error) {
	in, err := body[Answer](c)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(c.path("n"))
	if err != nil {
		return nil, holdfast.Errorf(holdfast.NotFound, "incident %s has no hand-over %s", c.path("id"), c.path("n"))
	}
	return nil, a.Response.AnswerOffer(c.r.Context(), c.by(), c.path("id"), n, in.Granted, in.Reason)
}

func (a *API) askDecision(c *call) (any, error) {
	in, err := body[AskDecision](c)
	if err != nil {
		return nil, err
	}
	choice := incident.Choice{Chosen: in.Chosen, Why: in.Why, Reversible: in.Reversible, DecidedBy: in.DecidedBy}
	id, err := a.Response.AskDecision(c.r.Context(), c.by(), c.path("id"), in.Question, in.Options, choice)
	return Created{id}, err
}

func (a *API) makeDecision(c *call) (any, error) {
	in, err := body[incident.Choice](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.MakeDecision(c.r.Context(), c.by(), c.path("id"), c.path("decision"), in)
}

func (a *API) correct(c *call) (any, error) {
	in, err := body[incident.Corrected](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.Correct(c.r.Context(), c.by(), c.path("id"), in.Position, in.Text)
}
