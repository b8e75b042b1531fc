package module

import (
	"net/netip"
	"testing"
	"time"
)

func voterOf(network int, public bool) voter {
	return voter{netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(network >> 8), byte(network), 0, 0}), 24), public}
}

var brakesTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// More than 5 % of the last 200 commits that load again stop commits for a minute.
func TestBrakesOnReloads(t *testing.T) {
	for _, public := range []bool{false, true} {
		var b brakes
		now := brakesTime
		for i := range commitsJudged - 1 {
			b.committed(voterOf(i, public), i < maxReloaded+1, now)
			if b.applied(now) {
				t.Fatalf("public %v: applied after %d commits", public, i+1)
			}
		}
		b.committed(voterOf(commitsJudged, public), false, now)
		if !b.applied(now) || !b.applied(now.Add(reloadPause-1)) {
			t.Errorf("public %v: not applied", public)
		}
		if b.applied(now.Add(reloadPause)) {
			t.Errorf("public %v: not released", public)
		}
	}
	// At most that many do not.
	var b brakes
	for i := range 10 * commitsJudged {
		b.committed(voterOf(i, false), i%20 == 0, brakesTime)
		if b.applied(brakesTime) {
			t.Fatalf("applied after %d commits with 5 %%", i+1)
		}
	}
}

// More than 20 % errors in the last 50 answers stop commits until they are fewer.
func TestBrakesOnErrors(t *testing.T) {
	var b brakes
	for i := range answersJudged {
		b.answered(voterOf(i, false), i <= maxFailed, brakesTime)
	}
	if !b.applied(brakesTime) {
		t.Error("not applied")
	}
	b.answered(voterOf(0, false), false, brakesTime)
	if b.applied(brakesTime) {
		t.Error("not released")
	}
}

// Errors of long ago do not count.
func TestBrakesForget(t *testing.T) {
	var b brakes
	now := brakesTime
	for i := range answersJudged {
		b.answered(voterOf(i, true), i <= maxFailed, now)
	}
	if !b.applied(now) {
		t.Error("not applied")
	}
	for range 100 { // those who saw them are gone
		now = now.Add(maxAge / 50)
		for i := maxFailed + 1; i < answersJudged; i++ {
			b.answered(voterOf(i, true), false, now)
		}
	}
	if b.applied(now) {
		t.Error("not released")
	}
}

// A few networks whose pages load again and again are enough, if there are only few.
func TestBrakesFewNetworks(t *testing.T) {
	var b brakes
	now := brakesTime
	for i := range 10_000 {
		now = now.Add(time.Second / 10)
		b.committed(voterOf(i%8, true), i%2 == 0, now)
		if b.applied(now) {
			return
		}
	}
	// One vote a minute each: it takes 25 minutes of these.
	for i := range 10_000 {
		now = now.Add(time.Second)
		b.committed(voterOf(i%8, true), i%2 == 0, now)
		if b.applied(now) {
			return
		}
	}
	t.Error("not applied")
}

// A network that was heard of a reload is heard of a loss, too.
func TestBrakesVoices(t *testing.T) {
	var b brakes
	b.committed(voterOf(1, true), true, brakesTime)
	b.lost(voterOf(1, true), brakesTime)
	if !b.applied(brakesTime) {
		t.Error("not applied")
	}
}

// A lost backend stops commits at once, until it answers.
func TestBrakesOnLoss(t *testing.T) {
	var b brakes
	b.lost(voterOf(1, true), brakesTime)
	if !b.applied(brakesTime.Add(time.Hour)) {
		t.Error("not applied")
	}
	b.up()
	if b.applied(brakesTime) {
		t.Error("not released")
	}
}

// One network of the world pulls no brake, whatever it does.
func TestBrakesOneNetwork(t *testing.T) {
	var b brakes
	attacker := voterOf(60_000, true)
	now := brakesTime
	for i := range 20 * commitsJudged {
		now = now.Add(time.Second)
		b.committed(attacker, true, now)
		b.answered(attacker, true, now)
		b.committed(voterOf(i%1000, true), false, now)
		b.answered(voterOf(i%1000, true), false, now)
		if b.applied(now) {
			t.Fatalf("applied after %d requests", i+1)
		}
	}
	paused := 0
	for range 600 {
		now = now.Add(time.Second)
		b.lost(attacker, now)
		if b.applied(now) {
			paused++
		}
		b.up()
	}
	if paused > 10 {
		t.Errorf("paused %d times in ten minutes", paused)
	}
}
