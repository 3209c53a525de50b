package statuspage

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/status"
)

// feedLength is how many entries a feed holds.
const feedLength = 50

type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Link    atomLink `xml:"link"`
	Content atomText `xml:"content"`
}

type atomText struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

// feed writes the entries in a language, the newest first. Its ids stay what they
// are as long as the pages' address does.
func feed(p status.Page, look Look, lang holdfast.Lang) ([]byte, error) {
	words := locale.For(lang)
	host := "status.invalid"
	if u, err := url.Parse(look.URL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	page := "index.html"
	if look.URL != "" {
		page = strings.TrimSuffix(look.URL, "/") + "/" + string(lang) + "/index.html"
	}
	out := atomFeed{
		Lang: string(lang), ID: fmt.Sprintf("tag:%s,2026:status/%s", host, lang), Title: words.T("public.title", "operator", p.Operator),
		Updated: p.Written.Format(time.RFC3339), Author: cmp.Or(p.Operator, words.T("public.heading")),
		Links: []atomLink{{"alternate", page}},
	}
	if look.URL != "" {
		out.Links = append(out.Links, atomLink{"self", strings.TrimSuffix(page, "index.html") + "feed.xml"})
	}
	type update struct {
		status.Update
		of status.Notice
	}
	var all []update
	for _, v := range p.History {
		for _, u := range v.Entries {
			all = append(all, update{u, v})
		}
	}
	slices.SortStableFunc(all, func(a, b update) int { return b.At.Compare(a.At) })
	for _, u := range all[:min(len(all), feedLength)] {
		out.Entries = append(out.Entries, atomEntry{
			ID:    fmt.Sprintf("tag:%s,2026:bulletin/%s/%d/%s", host, u.of.ID, u.Number, lang),
			Title: words.T("public.stage."+string(u.Stage)) + words.T("public.colon") + u.Title.In(lang), Updated: u.At.Format(time.RFC3339),
			Link: atomLink{"alternate", page}, Content: atomText{"text", u.Plain(lang, look.Zone)},
		})
	}
	text, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the feed: %w", err)
	}
	return append([]byte(xml.Header), append(text, '\n')...), nil
}
