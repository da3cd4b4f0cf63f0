package leftover

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhatCouldNotBeRemovedIsRemovedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k Keeper
		attempts := 0
		began := time.Now()
		k.Keep(nil, "a directory", func() error {
			if attempts++; attempts < 4 {
				return errors.New("not yet")
			}
			return nil
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		if attempts != 4 || k.Kept() != 0 {
			t.Errorf("%d attempts in %v, %d kept", attempts, time.Since(began), k.Kept())
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseTriesOnceMoreAndSaysWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k Keeper
		attempts := 0
		k.Keep(nil, "the first", func() error { attempts++; return errors.New("never") })
		k.Keep(nil, "the second", func() error { return nil })
		if err := k.Close(); err == nil || !strings.Contains(err.Error(), "the first is left: never") || strings.Contains(err.Error(), "second") {
			t.Errorf("close: %v", err)
		}
		k.Keep(nil, "too late", func() error { attempts++; return nil })
		time.Sleep(time.Hour)
		if attempts != 1 {
			t.Errorf("%d attempts", attempts)
		}
	})
}
