package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"holdfast"
)

const (
	prefix         = "whsec_"
	minKey, maxKey = 24, 64 // bytes, by the specification
)

// readKey reads a secret; setting names where it comes from.
func readKey(secret, setting string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, prefix))
	if err != nil || !strings.HasPrefix(secret, prefix) || len(key) < minKey || len(key) > maxKey {
		return nil, holdfast.Errorf(holdfast.Invalid, "the secret of webhooks is %s and then base64 of %d to %d random bytes; make one with: openssl rand -base64 32", prefix, minKey, maxKey).At(setting)
	}
	return key, nil
}

// signer makes signed requests.
type signer struct{ key []byte }

func (s signer) request(ctx context.Context, address, id string, body []byte, now time.Time) (*http.Request, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("the address is not an http or https URL without a password in it")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	at := strconv.FormatInt(now.Unix(), 10)
	r.Header = http.Header{
		"Content-Type":      {"application/json"},
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {at},
		"Webhook-Signature": {"v1," + s.sign(id, at, body)},
	}
	return r, nil
}

func (s signer) sign(id, at string, body []byte) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(id + "." + at + "."))
	h.Write(body)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
