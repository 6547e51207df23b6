// Package python holds the tests of the Python module mstore.py.
package python
