package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/schema"
)

// kindSetting begins the settings that hold the kinds which users have added.
const kindSetting = "kind."

// settings are all that apply here: the workspace's, else the shared ones.
func (s *Store) settings(st *journal.State) (map[string]string, error) {
	local, err := s.localConfig()
	if err != nil {
		return nil, err
	}
	all := maps.Clone(st.Config)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, local)
	return all, nil
}

// registryOf puts the kinds of the settings before those that are built in.
func registryOf(settings map[string]string) (*schema.Registry, error) {
	var own []*schema.Kind
	for _, key := range sortedKeys(settings) {
		name, ok := strings.CutPrefix(key, kindSetting)
		if !ok {
			continue
		}
		k, err := schema.ParseKind("the kind "+name, []byte(settings[key]))
		if err != nil {
			return nil, as(ErrUsage, err)
		}
		own = append(own, k)
	}
	return schema.NewRegistry(own...)
}

// AddKind puts a kind into the settings that all who use the store share, in the place
// of one of the same name; src is its file. Errors wrap ErrUsage where the file cannot
// be understood.
func (s *Store) AddKind(ctx context.Context, file string, src []byte) (*schema.Kind, error) {
	k, err := schema.ParseKind(file, src)
	if err != nil {
		return nil, as(ErrUsage, err)
	}
	return k, s.SetConfig(ctx, kindSetting+k.Name, string(src), false)
}

// RemoveKind takes a kind that was added out of the settings.
func (s *Store) RemoveKind(ctx context.Context, name string) error {
	return s.UnsetConfig(ctx, kindSetting+name, false)
}

// checkKind is of the settings kind.NAME.
func checkKind(key, value string) error {
	k, err := schema.ParseKind(key, []byte(value))
	if err != nil {
		return err
	}
	if name := strings.TrimPrefix(key, kindSetting); name != k.Name {
		return fmt.Errorf("the file is of the kind %s", k.Name)
	}
	return nil
}

// Settings of metadata.
const (
	metaParams  = "meta.params."
	metaMetrics = "meta.metrics."
	metaGit     = "meta.git"
	metaSystem  = "meta.system"
)

// extracts are the values that the settings take from every document.
func extracts(settings map[string]string, prefix string) (list []schema.Extract, err error) {
	for _, key := range sortedKeys(settings) {
		name, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		p, err := schema.ParsePath(settings[key])
		if err != nil {
			return nil, as(ErrUsage, fmt.Errorf("setting %s: %w", key, err))
		}
		list = append(list, schema.Extract{Name: name, Path: p})
	}
	return list, nil
}

func sortedKeys[M ~map[K]V, K cmp.Ordered, V any](m M) []K { return slices.Sorted(maps.Keys(m)) }

// Checker validates models with a set of kinds.
type Checker struct {
	registry *schema.Registry
	options  schema.Options
}

// Checker returns one with the kinds and settings of the store, that keeps to o beyond
// what the settings say.
func (s *Store) Checker(ctx context.Context, o schema.Options) (*Checker, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	settings, err := s.settings(sn.st)
	if err != nil {
		return nil, err
	}
	g, err := newGate(settings, "")
	if err != nil {
		return nil, err
	}
	o.Params, o.Metrics = slices.Concat(o.Params, g.options.Params), slices.Concat(o.Metrics, g.options.Metrics)
	kinds, err := g.kinds()
	return &Checker{kinds, o}, err
}

// NewChecker returns a checker with the kinds given, for use without a store.
func NewChecker(r *schema.Registry, o schema.Options) *Checker { return &Checker{r, o} }

// Kinds returns the kinds that the checker knows.
func (c *Checker) Kinds() *schema.Registry { return c.registry }

// Check looks at one model; a ModelReader is one that is saved.
func (c *Checker) Check(ctx context.Context, in schema.Input) (*schema.Report, error) {
	return c.registry.Check(ctx, in, c.options)
}
