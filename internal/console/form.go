package console

// formView is a form that narrows a page down. Kept are the parts of the address that
// it has no field for; Chips lead to the page without them.
type formView struct {
	Action                       string
	Months, Partners, Severities []option
	HasSince, HasSearch          bool
	Since, Search                string
	Kept                         []option
	Chips                        []chip
}

type option struct {
	Value, Text string
	Selected    bool
}

type chip struct{ Text, Href string }

// Shown reports whether there is anything to choose.
func (f formView) Shown() bool {
	return len(f.Months)+len(f.Partners)+len(f.Severities) > 0 || f.HasSince || f.HasSearch
}
