package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/mstore/mstore/gc/policy"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/schema"
)

var configKey = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([a-z][a-z0-9-]*(\.[A-Za-z0-9_*/-]+)+|(gc\.model|gc\.branch|validate|branch)\.[^\s\x00-\x1f]+)$`)
})

// settings that mstore itself reads, with what their values must be.
var knownSettings = map[string]func(string) error{
	"user.name":       func(string) error { return nil },
	"commit.fast":     checkBool,
	"commit.cache":    checkMiB,
	"commit.validate": checkValidate,
	"hooks.timeout":   checkDuration,
	metaGit:           checkBool,
	metaSystem:        checkBool,
	"gc.auto":         checkBool,
	"gc.grace":        checkDuration,
	"store.parity":    checkParity,
	journal.RepeatSetting: func(v string) error {
		if v != "all" && v != "some" {
			return fmt.Errorf("%q is not all or some", v)
		}
		return nil
	},
	cacheDirSetting:  func(string) error { return nil },
	cacheSizeSetting: checkSize,
	secondStore:      func(string) error { return nil },
	checkoutPaths:    checkPaths,
}

// settingsBelow are settings with a name of the user's at their end.
var settingsBelow = map[string]func(key, value string) error{
	validateOf: func(key, value string) error {
		return errors.Join(CheckGlob(strings.TrimPrefix(key, validateOf)), checkValidate(value))
	},
	kindSetting:   checkKind,
	branchSetting: checkBranchSetting,
	remoteSetting: checkRemoteSetting,
	bestOf:        checkBest,
	metaParams:    func(_, value string) error { _, err := schema.ParsePath(value); return err },
	metaMetrics:   func(_, value string) error { _, err := schema.ParsePath(value); return err },
}

// CheckGlob tells what is wrong with a glob of models.
func CheckGlob(glob string) error {
	if !doublestar.ValidatePattern(glob) {
		return fmt.Errorf("%q is not a glob", glob)
	}
	return nil
}

// CheckSetting looks at a setting of mstore's own sections; others are free.
func CheckSetting(key, value string) error {
	if check := knownSettings[key]; check != nil {
		if err := check(value); err != nil {
			return fmt.Errorf("setting %s: %w", key, err)
		}
		return nil
	}
	if policy.IsRule(key) {
		return policy.CheckSetting(key, value)
	}
	for prefix, check := range settingsBelow {
		if strings.HasPrefix(key, prefix) && key != prefix {
			if err := check(key, value); err != nil {
				return fmt.Errorf("setting %s: %w", key, err)
			}
			return nil
		}
	}
	section, _, _ := strings.Cut(key, ".")
	var known []string
	for k := range knownSettings {
		if strings.HasPrefix(k, section+".") {
			known = append(known, k)
		}
	}
	if len(known) == 0 {
		return nil
	}
	slices.Sort(known)
	return fmt.Errorf("there is no setting %s; of that section there are %s", key, strings.Join(known, ", "))
}

func checkBool(v string) error {
	if _, err := strconv.ParseBool(v); err != nil {
		return fmt.Errorf("%q is not true or false", v)
	}
	return nil
}

func checkMiB(v string) error {
	if _, err := strconv.ParseUint(v, 10, 31); err != nil {
		return fmt.Errorf("%q is not a number of MiB, 0 or more", v)
	}
	return nil
}

func checkDuration(v string) error {
	_, err := policy.ParseDuration(v)
	return err
}

// checkParity wants a share in percent, or off.
func checkParity(v string) error {
	if v == "off" {
		return nil
	}
	if p, err := strconv.ParseFloat(strings.TrimSuffix(v, "%"), 64); err != nil || !(p > 0 && p <= 100) {
		return fmt.Errorf("%q is not off, and not a percentage above 0 and up to 100", v)
	}
	return nil
}

func checkValidate(v string) error {
	switch v {
	case "off", "warn", "strict":
		return nil
	}
	return fmt.Errorf("%q is not off, warn or strict", v)
}

// Config returns the settings that are shared by all who use the store, and
// those of this workspace, which come first.
func (s *Store) Config(ctx context.Context) (shared, local map[string]string, err error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	local, err = s.localConfig()
	return sn.st.Config, local, err
}

// SetConfig changes a setting.
func (s *Store) SetConfig(ctx context.Context, key, value string, local bool) error {
	if !configKey().MatchString(key) || len(key) > 200 || len(value) > 1<<16 {
		return as(ErrUsage, fmt.Errorf("%q is not the name of a setting: want section.name", key))
	}
	if err := CheckSetting(key, value); err != nil {
		return as(ErrUsage, err)
	}
	if local {
		return s.editLocal(func(m map[string]string) error { m[key] = value; return nil })
	}
	if strings.HasPrefix(key, "cache.") {
		return as(ErrUsage, fmt.Errorf("setting %s is of one working directory: say --local", key))
	}
	_, err := s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		if old, ok := sn.st.Config[key]; ok && old == value {
			return nil, nil
		}
		return []journal.Op{{Kind: journal.OpSetConfig, Key: key, Value: value}}, nil
	})
	return err
}

// UnsetConfig forgets a setting.
func (s *Store) UnsetConfig(ctx context.Context, key string, local bool) error {
	missing := func() error { return as(ErrNotFound, fmt.Errorf("setting %q is not set", key)) }
	if local {
		return s.editLocal(func(m map[string]string) error {
			if _, ok := m[key]; !ok {
				return missing()
			}
			delete(m, key)
			return nil
		})
	}
	_, err := s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		if _, ok := sn.st.Config[key]; !ok {
			return nil, missing()
		}
		return []journal.Op{{Kind: journal.OpUnsetConfig, Key: key}}, nil
	})
	return err
}

func (s *Store) editLocal(edit func(map[string]string) error) error {
	m, err := s.localConfig()
	if err != nil {
		return err
	}
	if err := edit(m); err != nil {
		return err
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return s.writeWork(localFile, append(b, '\n'), true)
}

// setting returns a setting that applies here: the workspace's, else the
// shared one.
func (s *Store) setting(st *journal.State, key string) string {
	if local, err := s.localConfig(); err == nil {
		if v, ok := local[key]; ok {
			return v
		}
	}
	return st.Config[key]
}
