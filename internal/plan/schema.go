package plan

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"strings"

	"holdfast"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// Schema returns the JSON Schema (draft 2020-12) of the plan file, for editors:
// its keys, their forms and the words that some of them take. It is made from the
// types that read the file. It says less than [Decode]: what refers to what, and
// what must be there, only reading the whole text tells.
func Schema() []byte {
	s := schemer{defs: map[string]any{}}
	root := s.of(reflect.TypeFor[Plan](), "")
	doc := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": Format, "$defs": s.defs,
	}
	for key, value := range root {
		doc[key] = value
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil {
		panic("plan: the schema cannot be written: " + err.Error()) // it is plain data
	}
	return b.Bytes()
}

// enums are the words that a key of a type takes.
var enums = map[string][]string{
	"Plan.format":          {Format},
	"Plan.language":        {"zh-Hant", "zh-Hans", "en"},
	"ApprovalStep.mode":    {ApproveOne, ApproveAll, ApproveInOrder},
	"Material.kind":        {Regulation, Policy, Technical, Manual},
	"Measure.type":         {MeasureNumber, MeasureText, MeasureYesNo},
	"Measure.from":         Sources(),
	"Measure.figure":       Figures(),
	"Band.days":            Days[:],
	"Temporary.kind":       {StandIn, Queue, Reroute, ByHand},
	"Limit.over":           Overs[:],
	"Step.fall":            procedure.Falls,
	"DrillPlan.kind":       {Tabletop, Simulated, Live},
	"Obligation.from":      Moments[:],
	"Reporting.packs":      Packs[:],
	"Probe.kind":           {ProbeHTTP, ProbePayment},
	"Directive.kind":       {procedure.DirectiveStop, procedure.DirectiveLimit, procedure.DirectiveStandIn, procedure.DirectiveReroute},
	"Authority.directives": authorityKinds, "BreakGlass.directives": authorityKinds,
	"Notice.channels": channels(),
	"Stage.stage":     stageKinds(),
}

// channels are those that notices are sent over.
func channels() (list []string) {
	for _, c := range roster.Channels {
		if c.Sent() {
			list = append(list, string(c))
		}
	}
	return list
}

func stageKinds() (kinds []string) {
	for _, kind := range procedure.Kinds {
		kinds = append(kinds, string(kind))
	}
	return kinds
}

// schemer collects the definitions of the types that it meets.
type schemer struct{ defs map[string]any }

type object = map[string]any

// of describes a type; name is the key that holds it, as Type.key, or nothing.
func (s schemer) of(t reflect.Type, name string) object {
	words := enums[name]
	switch {
	case t == reflect.TypeFor[Date]():
		return object{"type": "string", "format": "date"}
	case t.Kind() == reflect.Pointer:
		return s.of(t.Elem(), name)
	case t.Kind() == reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem(), name)}
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return object{"type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h))+$|^0$"}
	case t == reflect.TypeFor[holdfast.Level]():
		return object{"type": "integer", "minimum": 0, "maximum": int(holdfast.Level3)}
	case t.Kind() == reflect.Struct && name == "":
		return s.mapping(t)
	case t.Kind() == reflect.Struct:
		if _, known := s.defs[t.Name()]; !known {
			s.defs[t.Name()] = nil // a type that holds itself would not end
			s.defs[t.Name()] = s.mapping(t)
		}
		return object{"$ref": "#/$defs/" + t.Name()}
	case t.Kind() == reflect.Bool:
		return object{"type": "boolean"}
	case t.Kind() == reflect.Int:
		return object{"type": "integer"}
	case t.Kind() == reflect.Float64:
		return object{"type": "number"}
	case words != nil:
		return object{"type": "string", "enum": words}
	default:
		return object{"type": "string"}
	}
}

func (s schemer) mapping(t reflect.Type) object {
	properties := object{}
	required := []string{}
	for i := range t.NumField() {
		key, options, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		properties[key] = s.of(t.Field(i).Type, t.Name()+"."+key)
		// The procedure for a leak has no level.
		if options == "" && t.Name()+"."+key != "Procedure.level" {
			required = append(required, key)
		}
	}
	return object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}
