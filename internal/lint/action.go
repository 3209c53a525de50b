package lint

import "slices"

// endpointUnknown finds tasks that call what the configuration does not have.
func (j *judge) endpointUnknown() {
	if j.Endpoints == nil {
		return
	}
	for _, t := range j.tasks {
		if t.Webhook != nil && !slices.Contains(j.Endpoints, t.Webhook.Endpoint) {
			j.add(t.path+".webhook.endpoint", "task %q calls the endpoint %q, which the configuration does not have: mend the name, or add it under automation.endpoints", t.ID, t.Webhook.Endpoint)
		}
	}
}

// callsAgain names calls that Holdfast repeats by itself though their outcome is not
// known: whether the endpoint bears that, only its owner can tell.
func (j *judge) callsAgain() {
	for _, t := range j.tasks {
		if t.Webhook != nil && t.Webhook.Repeatable {
			j.add(t.path+".webhook.repeatable", "the endpoint %q may be called again after a call of unknown outcome: make sure that it knows the key of a call that it has done", t.Webhook.Endpoint)
		}
	}
}
