// Package cputime tells how much CPU time this process has used, which says what
// something costs on a machine that others use, too.
package cputime
