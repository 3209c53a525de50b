package httpgate

import (
	"bufio"
	"errors"
	"io"
	"net/http/httputil"
	"time"

	"github.com/valyala/fasthttp"
)

// maxBuffered is the largest answer that is read whole before it is passed on,
// in bytes; a larger one, or one of unknown length, streams.
const maxBuffered = 64 << 10

// receive reads the body of the answer into resp, or leaves it as a stream that
// gives the connection back when it ends. The body is framed here and not by
// fasthttp, whose streams are reused while resp still holds them.
func (u *upstream) receive(c *conn, head bool, resp *fasthttp.Response, timeout time.Duration) error {
	length := resp.Header.ContentLength()
	status := resp.StatusCode()
	if head || status == fasthttp.StatusNoContent || status == fasthttp.StatusNotModified {
		resp.SkipBody = true
		return u.release(c, resp)
	}
	if length >= 0 && length <= maxBuffered {
		if err := resp.ReadBody(c.r, maxBuffered); err != nil {
			return errors.Join(err, c.Close())
		}
		return u.release(c, resp)
	}
	s := &stream{conn: c, keep: keeps(resp), timeout: timeout}
	switch {
	case length >= 0:
		s.body = &fixedBody{r: c.r, left: int64(length)}
	case length == -1:
		s.body = &chunkedBody{r: c.r, chunks: httputil.NewChunkedReader(c.r)}
	default: // it ends with the connection
		s.body, s.keep, length = c.r, false, -1
	}
	resp.SetBodyStream(s, length)
	return nil
}

// release gives a connection back whose answer was read to its end.
func (u *upstream) release(c *conn, resp *fasthttp.Response) error {
	if !keeps(resp) {
		return c.Close()
	}
	u.put(c)
	return nil
}

func keeps(resp *fasthttp.Response) bool { return !resp.Header.ConnectionClose() }

// stream is the body of an answer on its way to the client. The time-out holds
// for each read, not for the whole.
type stream struct {
	body    io.Reader
	conn    *conn
	keep    bool
	ended   bool
	timeout time.Duration
}

func (s *stream) Read(b []byte) (int, error) {
	s.conn.now = time.Now()
	s.conn.by = s.conn.now.Add(s.timeout)
	n, err := s.body.Read(b)
	s.ended = s.ended || errors.Is(err, io.EOF)
	return n, err
}

func (s *stream) Close() error {
	if s.ended && s.keep {
		s.conn.up.put(s.conn)
		return nil
	}
	return s.conn.Close()
}

// fixedBody is a body of known length. One that is cut short is an error, so the
// client is not told that it has the whole.
type fixedBody struct {
	r    io.Reader
	left int64
}

func (f *fixedBody) Read(b []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n, err := f.r.Read(b[:min(int64(len(b)), f.left)])
	f.left -= int64(n)
	switch {
	case f.left == 0:
		err = io.EOF
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// chunkedBody is a chunked body. Trailers are read off the connection and
// dropped.
type chunkedBody struct {
	r      *bufio.Reader
	chunks io.Reader
	end    error // once it has ended, how
}

func (c *chunkedBody) Read(b []byte) (int, error) {
	if c.end != nil {
		return 0, c.end
	}
	n, err := c.chunks.Read(b)
	if errors.Is(err, io.EOF) {
		err = c.trailers()
	}
	c.end = err
	return n, err
}

// trailers reads up to the empty line that ends the answer.
func (c *chunkedBody) trailers() error {
	for range maxTrailers {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return errors.Join(io.ErrUnexpectedEOF, err)
		}
		if len(line) <= 2 {
			return io.EOF
		}
	}
	return errors.New("the answer's trailers have no end")
}

// maxTrailers is how many trailers an answer may have.
const maxTrailers = 64
