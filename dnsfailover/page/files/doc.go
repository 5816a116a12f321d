// Package files serves the files of a directory and nothing else: no listing, nothing that begins with a dot, nothing from outside
// of the directory wherever links point, and nothing is executed.
package files
