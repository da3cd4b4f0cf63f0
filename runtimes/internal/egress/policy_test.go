package egress

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestOnlyPublicAddressesArePermitted(t *testing.T) {
	var p Policy
	for _, public := range []string{"1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.255.255", "198.17.0.1"} {
		if err := p.Check(netip.MustParseAddr(public), nil); err != nil {
			t.Errorf("%s: %v", public, err)
		}
	}
	for _, other := range []string{
		"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1",
		"169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1",
		"203.0.113.9", "192.88.99.1", "168.63.129.16", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::1", "fe80::1", "fc00::1", "2001:db8::1", "64:ff9b::a00:1", "2002:a00:1::", "2606:4700::1111",
		"::ffff:10.0.0.1", "::ffff:127.0.0.1",
	} {
		if err := p.Check(netip.MustParseAddr(other), nil); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", other, err)
		}
	}
}

// hostNetworks are those of a host with a public address and one of a house.
var hostNetworks = []netip.Prefix{netip.MustParsePrefix("9.9.9.10/24"), netip.MustParsePrefix("10.1.2.9/16")}

func TestTheHostAndItsNeighboursAreNotPermitted(t *testing.T) {
	var p Policy
	for _, text := range []string{"9.9.9.10", "::ffff:9.9.9.10", "9.9.9.77", "10.1.2.9"} {
		if err := p.Check(netip.MustParseAddr(text), hostNetworks); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := p.Check(netip.MustParseAddr("9.9.8.1"), hostNetworks); err != nil {
		t.Error(err)
	}
}

func TestWhatTheOperatorAllowsIsPermitted(t *testing.T) {
	for allow, addresses := range map[string]map[string]bool{
		"10.1.2.0/24": {"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.1.3.1": false, "10.1.2.9": false},
		"10.1.2.9/32": {"10.1.2.9": true, "10.1.2.3": false},
		"9.9.9.0/24":  {"9.9.9.77": true, "9.9.9.10": false},
		"0.0.0.0/0":   {"192.168.0.1": true, "127.0.0.1": false, "169.254.169.254": false, "224.0.0.1": false, "10.1.2.9": false},
	} {
		p := Policy{Allow: []netip.Prefix{netip.MustParsePrefix(allow)}}
		for text, permitted := range addresses {
			if err := p.Check(netip.MustParseAddr(text), hostNetworks); (err == nil) != permitted {
				t.Errorf("%s with %s allowed: %v", text, allow, err)
			}
		}
	}
}

func TestTheFirstResolverOfTheFileIsTaken(t *testing.T) {
	for text, want := range map[string]string{
		"# x\nsearch a b\nnameserver 127.0.0.53\nnameserver 9.9.9.9\n": "127.0.0.53:53",
		"nameserver bogus\nnameserver fe80::1%eth0\n":                  "[fe80::1%eth0]:53",
		"options x\n": "",
	} {
		got, ok := firstResolver(strings.NewReader(text))
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
}
