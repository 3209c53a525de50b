package roster

import (
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"holdfast"
)

// Channel is a way to reach a person.
type Channel string

const (
	// SMTP has bare mail addresses.
	SMTP Channel = "smtp"
	// Webhook has http or https URLs.
	Webhook Channel = "webhook"
	// SMS and Voice have phone numbers: for short messages, and for calls that
	// Holdfast makes.
	SMS   Channel = "sms"
	Voice Channel = "voice"
	// DingTalk, WeCom, Feishu and Slack are robots of group chats. An address is the
	// name that the configuration gives the robot, and after a slash whom it calls by
	// name there, if anyone.
	DingTalk Channel = "dingtalk"
	WeCom    Channel = "wecom"
	Feishu   Channel = "feishu"
	Slack    Channel = "slack"
	// Push has ids of devices, which people register on the page Account.
	Push Channel = "push"
	// Phone has phone numbers for people to dial; Holdfast does not.
	Phone Channel = "phone"
)

// Channels lists the channels.
var Channels = [...]Channel{SMTP, SMS, Voice, DingTalk, WeCom, Feishu, Slack, Push, Webhook, Phone}

// Sent reports whether notices are sent over the channel, rather than people being
// called by people.
func (c Channel) Sent() bool { return c != Phone }

// Private reports whether a text reaches one person and nobody else: only such a
// channel may carry a link that acts in his name.
func (c Channel) Private() bool { return c == SMTP || c == Webhook || c == SMS }

// numbered reports whether addresses are phone numbers.
func (c Channel) numbered() bool { return c == SMS || c == Voice || c == Phone }

// phoneNumber has 3 to 15 digits (ITU-T E.164), with or without a plus before
// and single spaces and hyphens between.
var phoneNumber = regexp.MustCompile(`^\+?[0-9]([ -]?[0-9]){2,14}$`)

// mentioned is whom a robot calls by name: a phone number without spaces, an id of
// the provider's, or all.
var mentioned = regexp.MustCompile(`^\+?[A-Za-z0-9._-]{1,64}$`)

// pushed is a device's id.
var pushed = regexp.MustCompile(`^d-[0-9a-f]{16}$`)

// CheckAddress returns what is wrong with an address of a channel, or nil.
func CheckAddress(channel Channel, address string) *holdfast.Error {
	if len(address) > maxAddress {
		return holdfast.Errorf(holdfast.TooLarge, "an address has at most %d bytes, not %d", maxAddress, len(address)).At("address")
	}
	switch channel {
	case SMTP:
		if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
			return holdfast.Errorf(holdfast.Invalid, "%q is not a mail address: write it bare, as name@example.com", address).At("address")
		}
	case Webhook:
		if !webhook(address) {
			return holdfast.Errorf(holdfast.Invalid, "%q is not a webhook's address: write a URL with http or https and a host, and no user, password or fragment", address).At("address")
		}
	case SMS, Voice, Phone:
		if !phoneNumber.MatchString(address) {
			return holdfast.Errorf(holdfast.Invalid, "%q is not a phone number: write 3 to 15 digits, as +886 2 5550 0101", address).At("address")
		}
	case DingTalk, WeCom, Feishu, Slack:
		robot, whom, calls := strings.Cut(address, "/")
		if !holdfast.ValidName(robot) || calls && !mentioned.MatchString(whom) {
			return holdfast.Errorf(holdfast.Invalid, "%q is no robot: write the name that the configuration gives it, and whom it calls by name after a slash, as emergency/13800000101", address).At("address")
		}
	case Push:
		if !pushed.MatchString(address) {
			return holdfast.Errorf(holdfast.Invalid, "%q is no device: people register a browser on the page Account, which gives it its id", address).At("address")
		}
	default:
		var names []string
		for _, c := range Channels {
			names = append(names, string(c))
		}
		return holdfast.Errorf(holdfast.Invalid, "there is no channel %q; write one of %s", channel, strings.Join(names, ", ")).At("channel")
	}
	return nil
}

func webhook(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil && u.Fragment == ""
}

// Outside reports whether an address belongs to a third party, however it is
// written: no drill may reach it.
func (b *Book) Outside(channel Channel, address string) bool {
	want := where(channel, address)
	for _, p := range b.parties {
		if slices.ContainsFunc(p.Contacts, func(c Contact) bool { return where(c.Channel, c.Address) == want }) {
			return true
		}
	}
	return false
}

// where tells addresses apart that are not the same place: a number is one place
// over every channel, and case counts in none but URLs. Whom a robot calls by name
// changes nothing about its group.
func where(channel Channel, address string) string {
	switch {
	case channel.numbered():
		return "number " + strings.NewReplacer(" ", "", "-", "", "+", "").Replace(address)
	case channel == Webhook:
		u, err := url.Parse(address)
		if err == nil {
			u.Host = strings.ToLower(u.Host)
			address = u.String()
		}
		return "url " + address
	case channel == SMTP:
		return "mail " + strings.ToLower(address)
	}
	robot, _, _ := strings.Cut(address, "/")
	return string(channel) + " " + robot
}
