package postoffice

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"

	"holdfast"
	"holdfast/internal/locale"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"T": func(string, ...any) string { return "" }}).Parse(pageSource))

func (o *Office) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /im/{person}", o.takeWebhook)
	mux.HandleFunc("GET /im/{person}", func(w http.ResponseWriter, r *http.Request) { o.showPage(w, r, r.PathValue("person")) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { o.showPage(w, r, r.URL.Query().Get("to")) })
	mux.HandleFunc("GET /messages", o.showJSON)
	return mux
}

// to lists the messages to a recipient, all of them for "".
func (o *Office) to(recipient string) []Message {
	return slices.DeleteFunc(o.Messages(), func(m Message) bool { return recipient != "" && !m.IsTo(recipient) })
}

func (o *Office) showJSON(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	// An error means that the reader has gone.
	_ = json.NewEncoder(w).Encode(append([]Message{}, o.to(r.URL.Query().Get("to"))...))
}

// page is what page.html shows.
type page struct {
	Lang     holdfast.Lang
	To       string
	Messages []Message
}

func (o *Office) showPage(w http.ResponseWriter, r *http.Request, to string) {
	lang := locale.Match(r.Header.Get("Accept-Language"))
	t, err := pageTemplate.Clone()
	if err == nil {
		var out bytes.Buffer
		if err = t.Funcs(template.FuncMap{"T": locale.For(lang).T}).Execute(&out, page{lang, to, o.to(to)}); err == nil {
			h := w.Header()
			h.Set("Content-Type", "text/html; charset=utf-8")
			h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Vary", "Accept-Language")
			_, _ = out.WriteTo(w) // an error means that the reader has gone
			return
		}
	}
	http.Error(w, "the page cannot be shown: "+err.Error(), http.StatusInternalServerError)
}
