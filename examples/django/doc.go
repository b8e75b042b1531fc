// Package django holds the test of the Django example: it starts run.sh, as a
// reader of README.md would, and visits what that starts.
package django
