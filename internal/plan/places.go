package plan

// Places says where in a text each part of a plan stands.
type Places struct{ read *reader }

// Find returns the line and column, from 1, of the value at a path, such as
// procedures[0].stages[2].role, or of the nearest part around it that stands in
// the text.
func (p Places) Find(path string) (line, column int) {
	if p.read == nil {
		return 1, 1
	}
	at := p.read.find(path)
	return at.line, at.column
}

// Read is [Decode] that also says where each part stands.
func Read(name string, src []byte) (*Plan, Places, Faults) {
	p, r := decode(name, src)
	return p, Places{r}, r.faults
}
