// Package docx writes and reads word-processing documents (.docx, ISO/IEC
// 29500-1, WordprocessingML) as far as a plan or a report needs them: a cover, a
// table of contents, headings, paragraphs, list entries and tables, a head line,
// and a foot line with page numbers. Pictures, tracked changes, tables of contents
// and other parts of a document that is read are left out; the text of fields and
// links stays.
//
// Page numbers in the table of contents are fields: the word processor fills them
// in when it lays the document out.
//
// A document that is read is untrusted: the archive's entries, their size and
// the number of blocks are bounded, and nothing is fetched.
package docx

import "strconv"

// Document is what is written: blocks in order.
type Document struct {
	Title string
	// Lang is a BCP 47 tag; it tells the word processor which font and which
	// hyphenation to use.
	Lang string
	// Head stands at the head of each page.
	Head string
	// Foot stands at the foot of each page, before the page's number.
	Foot string
	// Cover leaves head and foot off the first page.
	Cover  bool
	Blocks []Block
}

// Kind tells what a block is.
type Kind int

const (
	Paragraph Kind = iota
	Title
	Heading
	Entry
	TableBlock
	// PageBreak has what follows begin a new page; at the end of a document it does
	// nothing.
	PageBreak
	// Cover is a line of the cover below the title.
	Cover
	// Contents is a table of the headings of the first two levels, under a title of
	// its own. It is not read back: the headings say the same.
	Contents
)

// Block is one part of a document.
type Block struct {
	Kind Kind
	// Level of a heading, from 1 to 6.
	Level int
	// Text of anything but a table; a line end begins a new line.
	Text string
	// Strong sets the whole text in bold. Read says so of a paragraph or an entry
	// that is bold throughout.
	Strong bool
	// Keep holds a paragraph on the page of the block after it.
	Keep bool
	// Fills colours cells of a table, as six hexadecimal digits by row and cell; what is
	// missing or empty is left white.
	Fills [][]string
	// Rows of a table. The first is its head where Head is set.
	Rows [][]string
	Head bool
	// Widths are the columns' shares of the page; left out, all are the same.
	Widths []int
}

// H returns a heading.
func H(level int, text string) Block { return Block{Kind: Heading, Level: level, Text: text} }

// P returns a paragraph.
func P(text string) Block { return Block{Kind: Paragraph, Text: text} }

// L returns an entry of a list.
func L(text string) Block { return Block{Kind: Entry, Text: text} }

// T returns a table with a head.
func T(head []string, rows ...[]string) Block {
	return Block{Kind: TableBlock, Head: true, Rows: append([][]string{head}, rows...)}
}

// Wide returns the table with columns of these shares of the page.
func (b Block) Wide(shares ...int) Block {
	b.Widths = shares
	return b
}

func headingStyle(level int) string { return "Heading" + strconv.Itoa(min(max(level, 1), maxLevel)) }

// maxLevel is the deepest heading.
const maxLevel = 6
