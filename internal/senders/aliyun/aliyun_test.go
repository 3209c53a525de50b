package aliyun

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/notify"
)

const keySecret = "testSecret"

var now = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

// The example in the service's documentation of signatures.
func TestSignatureOfTheDocumentation(t *testing.T) {
	t.Parallel()
	p := map[string]string{
		"AccessKeyId": "testId", "Action": "SendSms", "Format": "XML", "OutId": "123", "PhoneNumbers": "15300000001", "RegionId": "cn-hangzhou",
		"SignName": "阿里云短信测试专用", "SignatureMethod": "HMAC-SHA1", "SignatureNonce": "45e25e9b-0a6f-4070-8c85-2956eda1b466", "SignatureVersion": "1.0",
		"TemplateCode": "SMS_71390007", "TemplateParam": `{"customer":"test"}`, "Timestamp": "2017-07-12T02:42:19Z", "Version": "2017-05-25",
	}
	if got := sign("GET", p, keySecret); got != "zJDF+Lrzhj/ThnlvIToysFRq6t4=" {
		t.Error(got)
	}
}

// fake is the service: it checks the signature and that no nonce comes twice.
func fake(t *testing.T, got *url.Values, status int, answer string) *Sender {
	t.Helper()
	nonces := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Method != http.MethodPost {
			t.Error(r.Method, err)
		}
		p := map[string]string{}
		for name := range r.PostForm {
			if name != "Signature" {
				p[name] = r.PostForm.Get(name)
			}
		}
		refuse := func(status int, code string) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"RequestId":"A1","HostId":"dysmsapi.aliyuncs.com","Code":%q,"Message":"no"}`, code)
		}
		switch nonce := p["SignatureNonce"]; {
		case answer != "":
			w.WriteHeader(status)
			io.WriteString(w, answer)
		case r.PostForm.Get("Signature") != sign("POST", p, keySecret):
			refuse(400, "SignatureDoesNotMatch")
		case nonces[nonce]:
			refuse(400, "SignatureNonceUsed")
		default:
			nonces[nonce] = true
			*got = r.PostForm
			io.WriteString(w, `{"Message":"OK","RequestId":"F655A8D5-B967-440B-8683-DAD6FF8DE990","Code":"OK","BizId":"900619746936498440^0"}`)
		}
	}))
	t.Cleanup(server.Close)
	s, err := New(Options{
		Endpoint: server.URL, KeyID: "testId", KeySecret: keySecret, SignName: "示范", Template: "SMS_1", Parameters: []string{"event={subject}", "id={incident}"},
		Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message(address string) notify.Message {
	return notify.Message{Notice: notify.Notice{
		ID: "5f0c6f1f", Incident: "2026-1", Address: address, Subject: "【演練】 一級事件 2026-1：\"支付\"全部中斷，" + strings.Repeat("長", 40),
	}, Attempt: 1}
}

func TestSend(t *testing.T) {
	t.Parallel()
	var got url.Values
	s := fake(t, &got, 0, "")
	for address, number := range map[string]string{"+86 138 0000 0101": "13800000101", "13800000101": "13800000101", "+852 9000-0101": "85290000101"} {
		if o := s.Send(t.Context(), message(address)); o.Result != notify.Sent || !strings.Contains(o.Detail, `"Code":"OK"`) {
			t.Fatalf("%s: %+v", address, o)
		}
		if got.Get("PhoneNumbers") != number || got.Get("OutId") != "5f0c6f1f" || got.Get("Timestamp") != "2026-11-24T03:00:00Z" || got.Get("SignName") != "示范" {
			t.Errorf("%s: %v", address, got)
		}
		var variables map[string]string
		if err := json.Unmarshal([]byte(got.Get("TemplateParam")), &variables); err != nil || variables["id"] != "2026-1" ||
			!strings.HasPrefix(variables["event"], "【演練】 一級事件 2026-1：\"支付\"") || len([]rune(variables["event"])) != 35 {
			t.Errorf("%v %v", err, variables)
		}
	}
	if o := s.Send(t.Context(), message("mei")); o.Result != notify.Refused {
		t.Errorf("no number: %+v", o)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		code   string
		want   notify.Result
		after  time.Duration
	}{
		{200, "isv.BUSINESS_LIMIT_CONTROL", notify.Retry, time.Minute}, {200, "isv.MOBILE_NUMBER_ILLEGAL", notify.Refused, 0}, {200, "isv.BLACK_KEY_CONTROL_LIMIT", notify.Refused, 0},
		{200, "isv.AMOUNT_NOT_ENOUGH", notify.Retry, 0}, {200, "isv.OUT_OF_SERVICE", notify.Retry, 0}, {200, "isv.SMS_TEMPLATE_ILLEGAL", notify.Retry, 0}, {200, "isp.SYSTEM_ERROR", notify.Retry, 0},
		{400, "Throttling.User", notify.Retry, time.Minute}, {400, "SignatureDoesNotMatch", notify.Retry, 0}, {404, "InvalidAccessKeyId.NotFound", notify.Retry, 0}, {503, "ServiceUnavailable", notify.Retry, 0},
	} {
		answer := fmt.Sprintf(`{"Message":"secret is %s","RequestId":"A1","Code":%q}`, keySecret, tt.code)
		o := fake(t, nil, tt.status, answer).Send(t.Context(), message("13800000101"))
		if o.Result != tt.want || o.After != tt.after || !strings.Contains(o.Detail, tt.code) || strings.Contains(o.Detail, keySecret) {
			t.Errorf("%d %s: %+v", tt.status, tt.code, o)
		}
	}
	for status, want := range map[int]notify.Result{200: notify.Unsure, 400: notify.Refused, 502: notify.Retry} {
		if o := fake(t, nil, status, "<html>").Send(t.Context(), message("13800000101")); o.Result != want {
			t.Errorf("%d without a code: %+v", status, o)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, parameters := range [][]string{nil, {"event"}, {"={subject}"}, {"event={incident}"}} {
		if _, err := New(Options{Parameters: parameters, Now: time.Now}); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%q: %v", parameters, err)
		}
	}
}
