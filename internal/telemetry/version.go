package telemetry

import (
	"regexp"
	"runtime/debug"
)

// Version says which build this is: the tag ("v0.1.0"), or the first 12 digits
// of the commit with "-dirty" if files were changed since, or "devel" where the
// build recorded neither.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return devel
	}
	return version(info)
}

const devel = "devel"

// pseudo matches the versions that Go makes up for a commit without a tag.
var pseudo = regexp.MustCompile(`[-.]\d{14}-[0-9a-f]{12}(\+|$)`)

func version(info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	main, revision := info.Main.Version, settings["vcs.revision"]
	switch {
	case main != "" && main != "(devel)" && !pseudo.MatchString(main):
		return main
	case revision != "" && settings["vcs.modified"] == "true":
		return revision[:min(12, len(revision))] + "-dirty"
	case revision != "":
		return revision[:min(12, len(revision))]
	case pseudo.MatchString(main):
		return main
	default:
		return devel
	}
}
