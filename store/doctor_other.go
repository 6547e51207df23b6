//go:build !linux && !darwin && !freebsd && !windows

package store

import "errors"

func statFS(string) (fsFacts, error) { return fsFacts{}, errors.ErrUnsupported }
