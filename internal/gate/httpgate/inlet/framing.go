package inlet

import "bytes"

// part is what a follower expects next.
type part uint8

const (
	inHead part = iota
	inLength
	inSize // the digits of a chunk's size
	inSizeEnd
	inChunk
	inChunkEnd // the CR behind a chunk
	inChunkLF
	inLast // the CR behind the last chunk, which has no trailers
	inLastLF
)

// maxFields is the most headers of a request.
const maxFields = 100

// maxDigits bounds the digits of a chunk's size.
const maxDigits = 8

// follower follows the bytes of HTTP/1.1 requests on one connection.
type follower struct {
	part   part
	head   []byte // of the head that is not whole yet
	most   int
	left   int64 // bytes of the body, or of the chunk
	digits int
	body   int64 // bytes of the body that have come, framing included
	begun  bool  // a body began in the last step
}

func (f *follower) idle() bool   { return f.part == inHead && len(f.head) == 0 }
func (f *follower) inBody() bool { return f.part != inHead }

// torn reports whether a head has begun and is not whole.
func (f *follower) torn() bool { return f.part == inHead && len(f.head) > 0 }

// next takes the next bytes. It returns how many of them may be passed on: all,
// or those before the part that is at fault. What is behind a fault is not
// looked at.
func (f *follower) next(b []byte) (passed int, fault Fault) {
	for passed < len(b) {
		rest := b[passed:]
		var n int
		switch f.part {
		case inHead:
			n, fault = f.takeHead(rest)
		case inLength, inChunk:
			n = int(min(f.left, int64(len(rest))))
			if f.left -= int64(n); f.left == 0 {
				f.part = map[part]part{inLength: inHead, inChunk: inChunkEnd}[f.part]
			}
			f.body += int64(n)
		default:
			n, fault = 1, f.takeFraming(rest[0])
			f.body++
		}
		if fault != "" {
			return passed, fault
		}
		passed += n
	}
	return passed, ""
}

var headEnd = []byte("\r\n\r\n")

// takeHead takes bytes of a head. Its last piece is passed on only when the whole
// is in order.
func (f *follower) takeHead(b []byte) (int, Fault) {
	before := len(f.head)
	from := max(0, before-len(headEnd)+1)
	if before == 0 {
		// Most heads come whole and need no copy.
		end := bytes.Index(b, headEnd)
		if end >= 0 {
			end += len(headEnd)
			return end, f.takeWhole(b[:end])
		}
	}
	f.head = append(f.head, b...)
	end := bytes.Index(f.head[from:], headEnd)
	if end < 0 {
		// What is wrong is the first thing that is, in whatever pieces it comes.
		if before == 0 && !begins(b) || bareLF(f.head[from:min(len(f.head), f.most)]) {
			return 0, FaultHead
		}
		if len(f.head) > f.most {
			return 0, FaultLarge
		}
		return len(b), ""
	}
	end += from + len(headEnd)
	head := f.head[:end]
	f.head = f.head[:0]
	return end - before, f.takeWhole(head)
}

// begins reports whether a request may begin so: with a letter of its method. An
// empty line before it is not taken.
func begins(b []byte) bool { return token[b[0]] }

// bareLF reports whether a line ends without a CR. A head whose lines do may never
// end for us, and has ended for others: that is no matter of time.
func bareLF(head []byte) bool {
	for i := 0; ; i++ {
		next := bytes.IndexByte(head[i:], '\n')
		if next < 0 {
			return false
		}
		if i += next; i > 0 && head[i-1] != '\r' {
			return true
		}
	}
}

func (f *follower) takeWhole(head []byte) Fault {
	if len(head) > f.most {
		return FaultLarge
	}
	m, fault := readHead(head)
	if fault != "" {
		return fault
	}
	f.body, f.left, f.begun = 0, m.length, true
	switch {
	case m.chunked:
		f.part, f.digits = inSize, 0
	case m.length > 0:
		f.part = inLength
	}
	return ""
}

// takeFraming takes one byte of what stands around chunks.
func (f *follower) takeFraming(c byte) Fault {
	want := byte('\n')
	switch f.part {
	case inSize:
		if v, ok := hex(c); ok && f.digits < maxDigits {
			f.left = f.left<<4 | int64(v)
			f.digits++
			return ""
		}
		if c != '\r' || f.digits == 0 {
			return FaultChunk
		}
		f.part = inSizeEnd
		return ""
	case inChunkEnd, inLast:
		want = '\r'
	}
	if c != want {
		return FaultChunk
	}
	switch f.part {
	case inSizeEnd:
		f.part = inChunk
		if f.left == 0 {
			f.part = inLast
		}
	case inChunkEnd:
		f.part = inChunkLF
	case inChunkLF:
		f.part, f.digits = inSize, 0
	case inLast:
		f.part = inLastLF
	case inLastLF:
		f.part = inHead
	}
	return ""
}

func hex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
