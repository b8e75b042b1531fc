//go:build !race

package module

// RaceDetector tells that everything is several times slower.
const RaceDetector = false
