// Package holdfast holds the words of the emergency response of a payment
// system's operator, and nothing else: it imports only the standard library
// and every other package imports it.
//
// The story they tell:
//
// An operator has a plan, written by a team from technology, operations and
// risk control. When monitoring or a user reports that something is wrong, the
// alert opens a suspected incident. The duty officer confirms it at a [Level].
// From then on the plan's procedure for that level runs, stage by stage:
// superiors are told, payments are stopped, the team is convened, the fault is
// handled, probes pass, payments come back step by step, a debrief is written.
//
// Payments pass gates. What the gates do with a payment is set by directives
// (stop, limit, lift); all directives in force, compiled and numbered by the
// journal, are the posture. A stop is confirmed only when every gate has
// acknowledged it or can no longer admit a payment.
//
// Everything that happens is a [Fact]: who did what, when, to which [Subject].
// Facts stand in one order in the journal, each chained by hash to the one
// before, and the state of the whole control plane is folded from them.
//
// docs/words.md defines each word once, in three languages.
package holdfast
