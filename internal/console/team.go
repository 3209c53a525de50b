package console

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/incident"
	"holdfast/internal/view"
)

// ownPart is what of an incident waits for the reader, and what he may hand over.
type ownPart struct {
	// Tasks are those whose notice the reader has still to acknowledge.
	Tasks []called
	// Posts are those that the reader holds.
	Posts []string
}

func postsOf(in view.Incident, who access.Principal) (list []string) {
	for _, p := range in.Posts {
		if p.Holder != nil && who.Account != "" && p.Holder.Account == who.Account {
			list = append(list, p.ID)
		}
	}
	return list
}

// Is reports whether an account is the reader's.
func (p *page) Is(account string) bool {
	return p.who.Actor.Kind == holdfast.Account && account == p.who.Actor.ID
}

// Holds reports whether the reader holds a post.
func (p *page) Holds(post view.Post) bool { return post.Holder != nil && p.Is(post.Holder.Account) }

// Chose reports whether a refused form had chosen a value.
func (p *page) Chose(field, value string) bool { return p.typed.Get(field) == value }

// team adds what the page shows of posts, hand-overs and corrections.
func (c *Console) team(v *visit, own *incidentPage) {
	if own.Incident.State == string(incident.Active) {
		own.People = slices.DeleteFunc(c.View.People(), func(p view.Person) bool { return p.Account == "" })
	}
	for _, h := range own.Incident.Handovers {
		if !h.Open() {
			own.Past = append(own.Past, h)
		}
	}
	position := cmp.Or(v.r.PostFormValue("position"), v.query("correct"))
	for _, l := range slices.Concat(own.Timeline, own.Deliveries) {
		if l.MayCorrect && position == strconv.FormatUint(uint64(l.Position), 10) {
			own.Correct = &l
		}
	}
}

func (c *Console) fillPost(v *visit) error {
	post := cmp.Or(v.path("post"), v.form("post"))
	return v.act(c.Response.Fill(v.r.Context(), v.by(), v.path("id"), incident.Post(post), v.form("person"), v.form("reason")))
}

func (c *Console) offerPost(v *visit) error {
	_, err := c.Response.Offer(v.r.Context(), v.by(), v.path("id"), incident.Post(v.form("post")), v.form("to"), v.form("text"))
	return v.act(err)
}

func (c *Console) answerOffer(v *visit) error {
	n, err := strconv.Atoi(v.path("n"))
	if err != nil {
		return holdfast.Errorf(holdfast.NotFound, "incident %s has no hand-over %s", v.path("id"), v.path("n"))
	}
	return v.act(c.Response.AnswerOffer(v.r.Context(), v.by(), v.path("id"), n, v.form("granted") != "", v.form("reason")))
}

func choice(v *visit) incident.Choice {
	return incident.Choice{Chosen: v.form("chosen"), Why: v.form("why"), Reversible: v.form("reversible") != "", DecidedBy: v.form("decided_by")}
}

func (c *Console) askDecision(v *visit) error {
	options := strings.Split(strings.ReplaceAll(v.form("options"), "\r", ""), "\n")
	_, err := c.Response.AskDecision(v.r.Context(), v.by(), v.path("id"), v.form("question"), options, choice(v))
	return v.act(err)
}

func (c *Console) makeDecision(v *visit) error {
	return v.act(c.Response.MakeDecision(v.r.Context(), v.by(), v.path("id"), v.path("decision"), choice(v)))
}

func (c *Console) correct(v *visit) error {
	position, err := strconv.ParseUint(v.form("position"), 10, 64)
	if err != nil {
		return holdfast.Errorf(holdfast.Invalid, "%q is not an entry of the timeline", v.form("position")).At("position")
	}
	return v.act(c.Response.Correct(v.r.Context(), v.by(), v.path("id"), holdfast.Position(position), v.form("text")))
}
