//go:build race

package module_test

// raceDetector tells that everything is several times slower.
const raceDetector = true
