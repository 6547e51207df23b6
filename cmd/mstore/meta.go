package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"

	"github.com/mstore/mstore/schema"
	"github.com/mstore/mstore/store"
)

// readMeta fills in what the files of --meta and --env say; flags win.
func (a *app) readMeta(o *store.CommitOptions, metaFile, envFile string) error {
	meta := map[string]any{}
	if metaFile != "" {
		m, err := a.metaFile(metaFile)
		if err != nil {
			return err
		}
		o.Params, o.Metrics = over(m.Params, o.Params), over(m.Metrics, o.Metrics)
		if o.Source == "" {
			o.Source = m.Source
		}
		if o.Message == "" {
			o.Message = m.Message
		}
		maps.Copy(meta, m.Other)
		for k, v := range m.Env {
			meta["env."+k] = v
		}
	}
	if envFile != "" {
		src, err := a.readSmall("--env", envFile, schema.MaxMetaFile)
		if err != nil {
			return err
		}
		env, err := schema.ParseEnv(envFile, src)
		if err != nil {
			return usagef("", "%s", err)
		}
		for k, v := range env {
			meta["env."+k] = v
		}
	}
	if len(meta) > 0 {
		o.Meta = meta
	}
	return nil
}

// metaFile reads the file that --meta names.
func (a *app) metaFile(name string) (*schema.Meta, error) {
	src, err := a.readSmall("--meta", name, schema.MaxMetaFile)
	if err != nil {
		return nil, err
	}
	m, err := schema.ParseMeta(name, src)
	if err != nil {
		return nil, usagef("", "%s", err)
	}
	return m, nil
}

// over is low with the values of high in their place.
func over(low, high map[string]any) map[string]any {
	if len(low) == 0 {
		return high
	}
	maps.Copy(low, high)
	return low
}

// readSmall reads a file that a flag names, of at most so many bytes.
func (a *app) readSmall(flag, name string, limit int64) ([]byte, error) {
	f, err := os.Open(absolute(a.cwd, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s %s: no such file: %w", flag, name, store.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", flag, name, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", flag, name, err)
	}
	return b, nil
}
