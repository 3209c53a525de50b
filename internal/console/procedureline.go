package console

import (
	"encoding/json"
	"strings"
	"time"

	"holdfast/internal/view"
)

// procedureBody is what the facts of a running procedure say.
type procedureBody struct {
	Of   string `json:"of"`
	ID   string `json:"id"`
	Task string `json:"task"`
	// Late is in seconds.
	Late int64 `json:"late"`
}

// tellLate is from how many seconds on a line says that a time was noticed late.
const tellLate = 10

// procedureLine puts a fact of a running procedure in words: its limits, and who
// stands in. It returns nil for another fact.
func (c *Console) procedureLine(v *visit, in view.Incident, e view.Event) *line {
	var b procedureBody
	_ = json.Unmarshal(e.Body, &b) // a body of another shape leaves fields empty
	var l line
	switch e.Kind {
	case "incident.limit-at-risk", "incident.limit-breached":
		what := taskTitle(v, in, b.ID)
		if b.Of == "stage" {
			what = stageTitle(v, in, b.ID)
		}
		l.Text = v.words.T("fact."+e.Kind, "what", what)
	case "incident.task-deputised":
		key := "fact.incident.task-deputised"
		who := deputies(v, in, b.Task)
		if who == "" {
			key = "fact.incident.task-deputised-nobody"
		}
		l.Text = v.words.T(key, "task", taskTitle(v, in, b.Task), "who", who)
	default:
		return nil
	}
	if b.Late >= tellLate {
		l.Detail = v.words.T("limit.noticed-late", "span", v.words.Span(time.Duration(b.Late)*time.Second))
	}
	return &l
}

func deputies(v *visit, in view.Incident, task string) string {
	var names []string
	for _, s := range in.Stages {
		for _, t := range s.Tasks {
			if t.ID != task || t.Deputised == nil {
				continue
			}
			for _, p := range t.Deputised.People {
				names = append(names, p.Name)
			}
		}
	}
	return strings.Join(names, v.words.T("plan.list-mark"))
}
