package config

import (
	"fmt"
	"net/url"

	"holdfast"
)

// Automation holds the endpoints of the operator's automation that a plan may call.
type Automation struct {
	Endpoints []Endpoint `yaml:"endpoints"`
}

// Endpoint takes signed web requests.
type Endpoint struct {
	// Name is what plans call it.
	Name string `yaml:"name"`
	URL  string `yaml:"url"`
	// Secret signs the requests.
	Secret Secret `yaml:"secret"`
}

func (a *Automation) check(r *report) {
	r.distinct("automation.endpoints", len(a.Endpoints), func(i int) string { return a.Endpoints[i].Name })
	for i, e := range a.Endpoints {
		at := fmt.Sprintf("automation.endpoints[%d]", i)
		if !holdfast.ValidName(e.Name) {
			r.at(at+".name", "%q is no name of an endpoint: use 1 to 64 lower-case letters, digits, '-', '_' and '.', a letter or digit first", e.Name)
		}
		if u, err := url.Parse(e.URL); err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
			r.at(at+".url", "an http or https URL without a password is needed here")
		}
		r.needSecret(at+".secret", e.Secret)
	}
}
