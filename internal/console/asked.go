package console

import (
	"holdfast/internal/locale"
	"holdfast/internal/plan"
)

// exprView is what a form says of an expression.
type exprView struct {
	Wrong *wrong
}

type wrong struct{}

func ask(*locale.Printer, *plan.Plan, string, string) exprView { return exprView{} }
