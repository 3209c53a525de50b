package main

import "testing"

// A small run takes every step of the large one.
func TestPage(t *testing.T) {
	t.Parallel()
	w, err := open(t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	}()
	f, err := w.page(t.Context())
	if err != nil || f.People != 3 || f.First <= 0 || f.All < f.First || f.PerSecond <= 0 {
		t.Errorf("%+v, %v", f, err)
	}
}
