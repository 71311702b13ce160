// Package arch holds tests only: the house rules of ARCHITECTURE.md and CONTRIBUTING.md as data, checked
// against the source of the whole module.
//
// table_test.go is the import table, which says what each package may import from this module;
// libraries_test.go keeps every third-party library behind one package; rules_test.go checks the smaller
// rules of each file. They read all Go files of the tree with go/parser, whatever system they are built for.
package arch
