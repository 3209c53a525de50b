package intake

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"maps"
	"mime"
	"net/url"
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/alert"
)

// Media types of CloudEvents in structured mode: one event, and several.
const (
	cloudEvent  = "application/cloudevents+json"
	cloudEvents = "application/cloudevents-batch+json"
)

// maxEvents bounds a batch.
const maxEvents = 1000

// DecodeCloudEvents reads the CloudEvents (1.0) of an HTTP request: one in structured
// mode, several in batch mode, or one in binary mode, its attributes in headers that
// begin with ce-. names lists the headers, lower case.
func DecodeCloudEvents(body []byte, names []string, header func(string) string) (alert.Delivery, error) {
	kind, _, _ := mime.ParseMediaType(header("content-type"))
	if kind == "application/json" && !slices.Contains(names, "ce-id") {
		kind = structuredKind(body) // of a sender that cannot say more
	}
	var events []map[string]any
	switch kind {
	case cloudEvent:
		v, err := readJSON(body)
		if err != nil {
			return alert.Delivery{}, err
		}
		e, ok := v.(map[string]any)
		if !ok {
			return alert.Delivery{}, holdfast.Errorf(holdfast.Invalid, "a CloudEvent in structured mode is a JSON object")
		}
		events = append(events, e)
	case cloudEvents:
		v, err := readJSON(body)
		if err != nil {
			return alert.Delivery{}, err
		}
		list, ok := v.([]any)
		if !ok || len(list) > maxEvents {
			return alert.Delivery{}, holdfast.Errorf(holdfast.Invalid, "a batch of CloudEvents is a JSON list of at most %d", maxEvents)
		}
		for _, entry := range list {
			e, ok := entry.(map[string]any)
			if !ok {
				return alert.Delivery{}, holdfast.Errorf(holdfast.Invalid, "a CloudEvent in structured mode is a JSON object")
			}
			events = append(events, e)
		}
	default:
		e, err := binaryEvent(body, kind, names, header)
		if err != nil {
			return alert.Delivery{}, err
		}
		events = append(events, e)
	}
	var d alert.Delivery
	for _, e := range events {
		in, err := fromCloudEvent(e)
		if err != nil {
			return alert.Delivery{}, err
		}
		d.Members = append(d.Members, in)
	}
	return d, nil
}

// structuredKind tells by its first character how a body in structured mode is to be
// read.
func structuredKind(body []byte) string {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		return cloudEvents
	}
	return cloudEvent
}

// binaryEvent gathers an event whose attributes stand in headers.
func binaryEvent(body []byte, kind string, names []string, header func(string) string) (map[string]any, error) {
	e := map[string]any{}
	for _, name := range names {
		attribute, ok := strings.CutPrefix(name, "ce-")
		if !ok || len(e) >= 100 {
			continue
		}
		value := header(name)
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain // the HTTP binding has what is not printable ASCII escaped
		}
		e[attribute] = value
	}
	if len(e) == 0 {
		return nil, holdfast.Errorf(holdfast.Invalid, "this is no CloudEvent: send %s, %s, or the headers ce-id, ce-source, ce-specversion and ce-type", cloudEvent, cloudEvents)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return e, nil
	}
	if kind == "" || strings.HasSuffix(kind, "/json") || strings.HasSuffix(kind, "+json") {
		v, err := readJSON(body)
		if err != nil {
			return nil, err
		}
		e["data"] = v
		return e, nil
	}
	e["data"] = strings.ToValidUTF8(string(body), "�")
	return e, nil
}

// fromCloudEvent makes an alert of an event. An event is no alert by itself: what its
// data says of one, if it is an object, counts.
func fromCloudEvent(e map[string]any) (alert.Incoming, error) {
	attribute := func(name string) string { s, _ := e[name].(string); return s }
	for _, name := range []string{"id", "source", "specversion", "type"} {
		if attribute(name) == "" {
			return alert.Incoming{}, holdfast.Errorf(holdfast.Invalid, "the CloudEvent has no %s", name).At(name)
		}
	}
	if v := attribute("specversion"); v != "1.0" {
		return alert.Incoming{}, holdfast.Errorf(holdfast.Invalid, "the CloudEvent's specversion is %q; 1.0 is understood", cut(v)).At("specversion")
	}
	data := e["data"]
	if encoded, ok := e["data_base64"].(string); ok {
		content, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return alert.Incoming{}, holdfast.Errorf(holdfast.Invalid, "data_base64 is not base64").At("data_base64").Because(err)
		}
		if err := json.Unmarshal(content, &data); err != nil {
			data = strings.ToValidUTF8(string(content), "�")
		}
	}
	said := flatten(data, "")
	in := alert.Incoming{
		Source: "cloudevents", Fingerprint: attribute("source") + " " + attribute("id"), StartsAt: moment(attribute("time")),
		Labels: map[string]string{"alertname": cut(attribute("type")), "source": cut(attribute("source"))}, Annotations: map[string]string{},
		Link: cmp.Or(said["link"], said["url"]),
	}
	for _, name := range slices.Sorted(maps.Keys(e)) { // subject, and extensions
		if v := attribute(name); v != "" && !slices.Contains(ownAttributes, name) {
			in.Labels[name] = cut(v)
		}
	}
	for place, v := range said {
		switch name, ok := strings.CutPrefix(place, "labels."); {
		case ok && name != "alertname":
			in.Labels[name] = v
		case place == "severity":
			in.Labels[place] = v
		case place == "":
			in.Annotations["description"] = v // data that is one text
		default:
			in.Annotations[place] = v
		}
	}
	in.Annotations["summary"] = cmp.Or(said["summary"], said["title"], said["message"], in.Labels["subject"])
	maps.DeleteFunc(in.Annotations, func(_, v string) bool { return v == "" })
	if key := said["dedup_key"]; key != "" {
		in.Keyed, in.Fingerprint, in.StartsAt = true, attribute("source")+" "+key, moment("")
	}
	switch status := strings.ToLower(said["status"]); {
	case status != "resolved":
	case !in.Keyed:
		return alert.Incoming{}, holdfast.Errorf(holdfast.Invalid, "an event that says resolved names what is resolved: write dedup_key in its data").At("data/dedup_key")
	default:
		in.Resolved = true
	}
	return in, nil
}

// ownAttributes are those that are not labels by their own name.
var ownAttributes = []string{"id", "source", "specversion", "type", "time", "data", "data_base64", "datacontenttype", "dataschema", "traceparent", "tracestate"}
