package lint

import (
	"reflect"
	"slices"
	"strings"

	"holdfast/internal/plan"
)

// RoleUses tells which chapters of a plan name each of its roles, in official
// order; where the role is declared does not count.
func RoleUses(p *plan.Plan) map[string][]string {
	roles, named := map[string]bool{}, map[string]map[string]bool{}
	for _, r := range p.Roles {
		roles[r.ID], named[r.ID] = true, map[string]bool{}
	}
	collect(reflect.ValueOf(p).Elem(), "", func(w words) {
		if w.lang == "" && roles[w.text] && !strings.HasSuffix(w.path, ".id") && !strings.HasSuffix(w.path, ".department") {
			named[w.text][p.ChapterAt(w.path)] = true
		}
	})
	uses := map[string][]string{}
	for role, chapters := range named {
		for _, c := range plan.Chapters {
			if chapters[c.Key] && !slices.Contains(uses[role], c.Key) {
				uses[role] = append(uses[role], c.Key)
			}
		}
	}
	return uses
}
