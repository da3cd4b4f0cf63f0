package docker

import "testing"

func TestRuncWithoutTheFixesIsCalledOld(t *testing.T) {
	for version, old := range map[string]bool{
		"1.1.5+ds1-1+deb12u1": true, "v1.1.12-0-g51d5e94": true, "1.2.7": true, "1.2.8": false, "1.3.2": true,
		"1.3.3": false, "1.4.0": false, "2.0.0": false, "1.5.2-dev": false, "0.9.9": true,
		"": false, "unknown": false, "1.2": false,
	} {
		if runcIsOld(version) != old {
			t.Errorf("runcIsOld(%q) = %v", version, !old)
		}
	}
}
